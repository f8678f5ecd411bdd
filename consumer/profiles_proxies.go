package consumer

import "github.com/bearerkit/bearerkit/internal/profile"

// The profiles of proxies that sign in users and send a token in a header of their own. Set
// middleware.Config.TokenSources to a source that reads this header. No code changes these profiles. See
// docs/providers.md for the configuration of each.
//
//nolint:gochecknoglobals // constants of a struct type
var (
	// ProfileCloudflareAccess is for the application tokens of Cloudflare Access, in the header Cf-Access-Jwt-Assertion.
	// `type` must be "app", which its global session token does not have. Config.Audience is the AUD tag of the application.
	// The client is `common_name`, which only tokens for service tokens have; their `sub` is empty.
	ProfileCloudflareAccess = named(profile.Rules{
		Name: "cloudflare-access", Types: []string{"jwt", ""}, RequiredClaims: []string{"iat"},
		ClientClaims: []string{"common_name"}, FixedClaims: map[string][]string{"type": {"app"}},
	})

	// ProfileGoogleIAP is for Google's Identity-Aware Proxy, which sends the header X-Goog-Iap-Jwt-Assertion. It requires
	// `email`. Config.Issuer is https://cloud.google.com/iap, and Config.Audience is the backend service or the App Engine
	// app. No claim names the client.
	ProfileGoogleIAP = named(profile.Rules{
		Name: "google-iap", Types: []string{"jwt", ""}, RequiredClaims: []string{"sub", "iat", "email"},
	})
)
