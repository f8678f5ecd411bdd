package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// ClaimChecker checks claims that were verified without a [Consumer], and makes Tokens of them. It is for custom Verifiers,
// such as one that sends tokens to an endpoint of the authorization server. It runs the same checks as a Consumer, except
// those of the header and the signature. Make one with [NewClaimChecker]; the zero ClaimChecker cannot be used. It is safe for
// concurrent use.
//
// [NewToken] makes a Token without these checks.
type ClaimChecker struct{ c *Consumer }

// NewClaimChecker returns a ClaimChecker for the issuer, the audience and the checks in cfg. It uses the fields Issuer,
// Audience, Profile, ScopeClaims, ClockSkew, TokenType, ClientIDs, RequiredClaims, Check, Status, StatusTTL, OnStatus, Logger,
// InsecureNoAudience and InsecureStatusFailOpen. All other fields must be zero. If cfg has faults, the error joins all of
// them, and each names its field.
//
// `iss` and `exp` may be absent. The party that has verified the token must then have checked the issuer and the expiry.
// InsecureNoAudience does not require ClientIDs. If you set it, that party must also have checked that the token is meant for
// this API.
func NewClaimChecker(cfg Config) (*ClaimChecker, error) {
	cfg.vouched = true
	fault := cfg.validate()
	if other := cfg.unusedByClaims(); other != "" {
		fault = errors.Join(fault, errors.New("consumer: Config."+other+" must be zero: a ClaimChecker does not use it"))
	}
	r := cfg.Profile.rules()
	if r.LoadBalancer || r.TrustDomain || r.IDToken {
		fault = errors.Join(fault, errors.New("consumer: Config.Profile is "+r.Name+", which only fits signed tokens"))
	}
	if fault != nil {
		return nil, fault
	}
	cfg = cfg.withDefaults()
	c := &Consumer{cfg: cfg, rules: cfg.rules(), statuses: newStatusCache(cfg.Status, cfg.StatusTTL), quirks: newQuirkLog(cfg)}
	c.cfg.InsecureNoIssuer = true
	c.rules.OptionalClaims = append(slices.Clone(c.rules.OptionalClaims), "exp")
	return &ClaimChecker{c}, nil
}

// unusedByClaims returns the name of a field that is set and that a ClaimChecker does not use, or "".
func (cfg Config) unusedByClaims() string {
	used := []string{
		"Issuer", "Audience", "Profile", "ScopeClaims", "ClockSkew", "TokenType", "ClientIDs", "RequiredClaims", "Check", "Status",
		"StatusTTL", "OnStatus", "Logger", "InsecureNoAudience", "InsecureStatusFailOpen", "vouched",
	}
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !slices.Contains(used, name) && !v.Field(i).IsZero() {
			return name
		}
	}
	return ""
}

// Check checks claims and returns them as a Token. The caller must have verified that they come from the issuer. claims is one
// JSON object without repeated names. Check calls Config.Check and Config.Status last. Every error is an [*Error].
func (k *ClaimChecker) Check(ctx context.Context, claims json.RawMessage) (*Token, error) {
	t, err := k.c.checkVouched(ctx, string(claims))
	if err != nil {
		return nil, k.c.named(err)
	}
	return t, nil
}

// checkVouched is verifyParsed without the checks of the header, the key and the signature.
func (c *Consumer) checkVouched(ctx context.Context, claims string) (*Token, error) {
	p := parsed{}
	var err error
	if p.claims, p.variants, err = compact.ParseClaims(claims, maxDepth); err != nil {
		return nil, malformed(err)
	}
	if p.variants {
		if err := c.rules.checkVariants(p.claims); err != nil {
			return nil, err
		}
	}
	if err := c.checkIssuer(&p); err != nil {
		return nil, err
	}
	t, err := c.readToken(&p)
	if err != nil {
		return nil, err
	}
	if err := c.checkClaims(ctx, t); err != nil {
		return nil, err
	}
	if name := textOf(t.claims, "username"); t.subject == "" && name != "" && name != t.clientID {
		t.principal = PrincipalUser // username names the user who has authorized the token (RFC 7662 section 2.2)
	}
	c.report(ctx, t.deviations)
	return t, c.checkVerified(ctx, t)
}

// Recheck repeats the checks whose result can change after Check has returned t: the times and the status. If you cache
// Tokens, call it on each request. If t is not a Token of this ClaimChecker, the error has [ReasonInternal]. Every error is an
// [*Error].
func (k *ClaimChecker) Recheck(ctx context.Context, t *Token) error {
	if t == nil || t.consumer != k.c {
		return k.c.named(reject(ReasonInternal, "Recheck: the Token is not one of this ClaimChecker"))
	}
	if now := clock.Now(); !t.isCurrent(now) {
		if err := k.c.checkTimes(t, now); err != nil {
			return k.c.named(err)
		}
	}
	if err := k.c.checkStatus(ctx, t); err != nil {
		return k.c.named(err)
	}
	return nil
}

// Drop removes cached results of Config.Status for tokens for which match returns true, and returns their number. A
// ClaimChecker caches no tokens. See [Consumer.Drop].
func (k *ClaimChecker) Drop(match func(StatusToken) bool) int { return k.c.statuses.drop(orAll(match)) }

// Quirks returns the harmless deviations in claims that Check has accepted, sorted and without duplicates.
func (k *ClaimChecker) Quirks() []quirk.Quirk { return k.c.quirks.all() }

// NewError returns an Error for a custom Verifier. reason decides whether the error matches [ErrInvalidToken] or
// [ErrUnavailable]. issuer may be empty. The Guard of package middleware logs detail, which it does not do for an Error that
// is made as a literal. So detail must contain neither a token nor a secret, and nothing that identifies a user. err is the
// cause; it may be nil, and the Guard does not log its text.
func NewError(reason Reason, issuer, detail string, err error) *Error {
	return &Error{Reason: reason, Issuer: issuer, Detail: detail, Err: err, safe: detailSafe}
}
