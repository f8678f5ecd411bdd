// Package profile holds the data of a profile of package consumer. It lets package client define profiles that package
// consumer does not offer to APIs, such as the one for ID tokens.
package profile

// Rules describes the JWTs that a profile accepts. Packages consumer and client make one per kind of JWT and do not
// change it afterwards.
type Rules struct {
	// Name is a short lower-case name for errors and logs.
	Name string

	// Types lists the accepted values of `typ`, in lower case and without "application/". "" accepts a token without
	// `typ`.
	Types []string

	// RequiredClaims lists the claims that a token must have besides iss, exp and aud.
	RequiredClaims []string

	// ClientClaims lists the claims that may name the client. The first one that is present is used. The claim aud
	// names the client if it has one value. Empty: no claim names the client.
	ClientClaims []string

	// RequireClient rejects tokens that have none of ClientClaims.
	RequireClient bool

	// FixedClaims maps the name of a claim to its accepted values. The claim must be a string.
	FixedClaims map[string][]string

	// ScopeClaims lists the claims that may hold scopes. The first one that is present is used. Empty: scope and scp.
	ScopeClaims []string

	// RoleClaims lists paths to roles. Each path is a list of member names. Empty: no roles are read.
	RoleClaims [][]string

	// AccessClaims lists claims that access tokens of the issuer have, and its ID tokens do not. A token with one of them
	// may have nonce, auth_time and amr. Other marks of ID tokens, such as at_hash, are still rejected.
	AccessClaims []string

	// SignIn accepts auth_time and amr in tokens that have neither a scope nor jti.
	SignIn bool

	// Workload says that subjects are programs and not users.
	Workload bool

	// PublicIssuer says that anybody can obtain a token of the issuer for any audience. The profile then requires
	// Config.ClientIDs or Config.Check.
	PublicIssuer bool

	// TrustDomain says that the SPIFFE trust domain in `sub` takes the place of `iss`.
	TrustDomain bool

	// LoadBalancer says that an Application Load Balancer of AWS signs the tokens: signer, client, iss and exp are in the
	// header, and the segments are padded.
	LoadBalancer bool

	// IDToken accepts ID tokens. The profile then requires Config.InsecureAcceptIDToken.
	IDToken bool

	// OptionalClaims lists which of iss, exp and aud may be absent.
	OptionalClaims []string

	// Events accepts security events, such as logout tokens.
	Events bool

	// Response accepts authorization responses.
	Response bool

	// Introspection accepts signed introspection responses.
	Introspection bool

	// ForeignClaims lists claims that only other kinds of JWT have.
	ForeignClaims []string
}

// Profile refers to the rules of one profile. The zero Profile has no rules. Profiles are comparable: two Profiles are
// equal if the same call of New made them, or if both are zero.
type Profile struct {
	rules *Rules
}

// New returns a Profile with the given rules, which must not be changed afterwards.
func New(r Rules) Profile { return Profile{&r} }

// Rules returns the rules of p, or nil if p is zero.
func (p Profile) Rules() *Rules { return p.rules }
