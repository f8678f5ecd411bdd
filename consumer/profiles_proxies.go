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
	// The client is `common_name`. Only tokens that Access creates for a service token have it, and their `sub` is empty.
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

	// ProfileAWSALB is for the tokens of an AWS Application Load Balancer, in the header X-Amzn-Oidc-Data. These tokens
	// name their signer, issuer and client in the JOSE header. Config.Audience lists the ARNs of your load balancers:
	// the header parameter `signer` must equal one of them. Config.Issuer is the issuer of the identity provider. The
	// client is the header parameter `client`. Padded segments are accepted. Set Config.Keys to a [jwks.PEMEndpoint].
	// The claims of the payload come from the userinfo endpoint of the identity provider. A Consumer with this profile
	// cannot be used in a [Group].
	ProfileAWSALB = named(profile.Rules{
		Name: "aws-alb", Types: []string{"jwt", ""}, RequiredClaims: []string{"sub"}, ClientClaims: []string{"client"},
		SignIn: true, LoadBalancer: true,
	})
)
