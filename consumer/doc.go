// Package consumer proves access tokens: one raw token in, one verified [Token] out, or an [*Error] that says why not.
//
// A [Consumer] knows one issuer. It finds the issuer's keys by discovery (or is given them), and takes a token through
// every check of RFC 9068 §4 and RFC 8725 in a fixed order, the cheap ones first:
//
//	c, err := consumer.New(consumer.Config{
//		Issuer:   "https://login.example.com",
//		Audience: []string{"https://api.example.com"},
//	})
//	token, err := c.Verify(ctx, raw)
//
// A [Group] joins several issuers. A token goes to the Consumer of the issuer it names, and only that issuer's keys are
// tried on it.
//
// Errors are of two classes. [ErrInvalidToken] means that the token is not good, and [ErrUnavailable] that this could
// not be found out, because no usable keys could be had. A forged token never causes the second where it can be known
// for the first.
//
// Verified tokens are remembered. A remembered token is not trusted more than a new one: its times, its key and its
// status are looked at on every request.
//
// Nothing here knows HTTP requests; package middleware does.
package consumer
