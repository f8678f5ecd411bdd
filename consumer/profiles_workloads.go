package consumer

import "github.com/bearerkit/bearerkit/internal/profile"

// The profiles of tokens that name a program and not a user. [Token.Principal] returns [PrincipalClient] for all of them.
// No code changes them. See docs/providers.md for the configuration of each.
//
//nolint:gochecknoglobals // constants of a struct type
var (
	// ProfileKubernetes is for the tokens of Kubernetes service accounts. It requires `kubernetes.io` and `nbf`. `sub` is
	// system:serviceaccount:{namespace}:{name}. Tokens that are stored in a Secret have neither `aud` nor `exp` and are
	// rejected. No claim names the client.
	ProfileKubernetes = named(profile.Rules{
		Name: "kubernetes", Types: []string{"jwt", ""}, RequiredClaims: []string{"sub", "iat", "nbf", "kubernetes.io"},
		Workload: true,
	})

	// ProfileGitHubActions is for the tokens of GitHub Actions jobs. The client is `repository`, so Config.ClientIDs lists
	// the accepted repositories. Config.ClientIDs or Config.Check is required: every job on GitHub can obtain a token of this
	// issuer for any audience.
	ProfileGitHubActions = named(profile.Rules{
		Name: "github-actions", Types: []string{"jwt"},
		RequiredClaims: []string{"sub", "iat", "jti", "repository_id", "repository_owner_id", "run_id"},
		ClientClaims:   []string{"repository"}, RequireClient: true, Workload: true, PublicIssuer: true,
	})

	// ProfileGitLabCI is for the ID tokens of GitLab CI/CD jobs. The client is `project_path`, so Config.ClientIDs lists the
	// accepted projects. Config.ClientIDs or Config.Check is required: every job of the GitLab instance can obtain a token of
	// this issuer for any audience.
	ProfileGitLabCI = named(profile.Rules{
		Name: "gitlab-ci", Types: []string{"jwt"},
		RequiredClaims: []string{"sub", "iat", "jti", "project_id", "namespace_id", "job_id"},
		ClientClaims:   []string{"project_path"}, RequireClient: true, Workload: true, PublicIssuer: true,
	})

	// ProfileSPIFFE is for JWT-SVIDs. Config.Issuer is the trust domain, such as spiffe://example.org. The `sub` of a token
	// must be the SPIFFE ID of a workload in it. `iss` is not required and not compared, because a JWT-SVID need not have it;
	// [Token.Issuer] returns the trust domain. Config.Keys is required and must provide the JWT keys of this trust domain. In
	// a [Group], a token that has `iss` is verified by the Consumer of that issuer. No claim names the client.
	ProfileSPIFFE = named(profile.Rules{
		Name: "spiffe", Types: []string{"jwt", "jose", ""}, RequiredClaims: []string{"sub"}, Workload: true, TrustDomain: true,
	})
)
