// Package consumer verifies access tokens. It takes one raw token and returns a verified [Token], or an [*Error] that
// says why the token was rejected.
//
// A [Consumer] verifies the tokens of one issuer. It finds the issuer's keys by discovery, or uses the keys it was
// given. It applies all checks of RFC 9068 section 4 and RFC 8725 in a fixed order:
//
//	c, err := consumer.New(consumer.Config{
//		Issuer:   "https://login.example.com",
//		Audience: []string{"https://api.example.com"},
//	})
//	token, err := c.Verify(ctx, raw)
//
// A [Group] combines several issuers. Each token is verified by a Consumer whose issuer it names, and only with the
// keys of that issuer.
//
// There are two classes of errors. [ErrInvalidToken] means that the token is not acceptable. [ErrUnavailable] means
// that it could not be checked, for example because the issuer's keys were not available. Checks that need no key come
// first. So a token that is invalid because of its own claims never causes ErrUnavailable because of missing keys.
//
// A [Profile] describes the access tokens of a product, such as Keycloak. docs/providers.md has a tested configuration for
// each provider, and docs/strictness.md lists what is rejected and what is accepted. To learn why a token is rejected, read
// [Error].Detail, or set [Config].Explain while you develop.
//
// Verified tokens are cached. A cached token is not trusted more than a new one: the times, the key and the status of
// the token, and an audience that depends on the request, are checked on each request.
//
// RFC 8725bis is draft-ietf-oauth-rfc8725bis, the draft that is to replace RFC 8725.
//
// This package does not read HTTP requests. Package middleware reads tokens from requests and writes responses.
package consumer
