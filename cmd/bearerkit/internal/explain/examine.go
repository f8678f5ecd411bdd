package explain

import (
	"context"
	"fmt"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/profile"
	"github.com/bearerkit/bearerkit/jwks"
)

// result is the result of one check. The values are part of the JSON output.
type result string

const (
	passed     result = "passed"
	failed     result = "failed"
	notReached result = "not reached" // an earlier check failed
	notChecked result = "not checked" // the user has not said what to compare with
)

// check is one check of the token.
type check struct {
	Name     string `json:"name"`
	Result   result `json:"result"`
	Expected string `json:"expected"`
	Received string `json:"received"`
	Detail   string `json:"detail"` // why the check failed, or what it needs
	Field    string `json:"field"`  // the setting that decides, such as consumer.Config.Audience
	Rule     string `json:"rule"`   // the sections of the specifications
}

// examiner checks tokens with package consumer.
type examiner struct {
	issuer   string          // empty: not checked
	audience []string        // empty: not checked
	keys     *inspect.KeySet // nil: the signature is not checked
	profile  consumer.Profile

	allowHTTP bool // the issuer may have an http URL
}

// rules returns the rules of the profile. Those of the default profile are empty.
func (e examiner) rules() profile.Rules {
	if r := profile.Profile(e.profile).Rules(); r != nil {
		return *r
	}
	return profile.Rules{}
}

// anyIssuer takes the place of the issuer if neither the user nor the token names one that can be used.
const anyIssuer = "https://issuer.invalid"

// anyDomain is anyIssuer for profiles with trust domains.
const anyDomain = "spiffe://issuer.invalid"

// examine returns the checks of a token, and the reason why it is rejected, or "". A check for which the user has given nothing to
// compare with is in the list as not checked.
func (e examiner) examine(ctx context.Context, token *inspect.Token) ([]check, consumer.Reason, error) {
	c, err := consumer.New(e.config(token))
	if err != nil && e.issuer == "" { // the issuer in the token cannot be used
		cfg := e.config(token)
		cfg.Issuer = anyIssuer
		if e.rules().TrustDomain {
			cfg.Issuer = anyDomain
		}
		c, err = consumer.New(cfg)
	}
	if err != nil {
		return nil, "", cli.Usagef("%w", err)
	}
	_, x, _ := c.Explain(ctx, token.Raw) // x contains what the error says
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	checks := make([]check, 0, len(x.Checks)+1)
	for _, r := range x.Checks {
		checks = append(checks, e.checkOf(r, token))
	}
	if b, bound := binding(token); bound {
		checks = append(checks, b)
	}
	if x.Reason == consumer.ReasonKeysUnavailable && e.keys == nil {
		x.Reason = ""
	}
	return checks, x.Reason, nil
}

// config returns a Config for the checks. What the user has not given comes from the token, so that it matches.
func (e examiner) config(token *inspect.Token) consumer.Config {
	rules := e.rules()
	cfg := consumer.Config{
		Issuer: e.issuer, Audience: e.audience, Profile: e.profile, Keys: noKeys{}, CacheSize: -1,
		InsecureAllowHTTP: e.allowHTTP, InsecureAcceptIDToken: rules.IDToken,
	}
	switch {
	case e.issuer != "":
	case rules.TrustDomain:
		cfg.Issuer = trustDomainOf(token.Text("sub"))
	default:
		cfg.Issuer = token.Text("iss")
	}
	if rules.PublicIssuer { // the profile requires a Check; the application has it, and this command does not
		cfg.Check = func(context.Context, *consumer.Token) error { return nil }
	}
	if len(e.audience) == 0 {
		cfg.AudienceFunc = func(context.Context) []string { return token.List("aud") }
	}
	if e.keys != nil && len(e.keys.Usable()) > 0 {
		cfg.Keys = e.keys.Usable()
	}
	return cfg
}

// trustDomainOf returns the trust domain of a SPIFFE ID, in the form of an issuer.
func trustDomainOf(id string) string {
	const scheme = "spiffe://"
	domain, ok := strings.CutPrefix(id, scheme)
	if !ok {
		return ""
	}
	domain, _, _ = strings.Cut(domain, "/")
	return scheme + domain
}

// noKeys is the source of keys if there are none.
type noKeys struct{}

func (noKeys) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, fmt.Errorf("%w: there is no usable key at --issuer or --keys-file", jwks.ErrUnavailable)
}

// checkOf converts the result of a check of package consumer.
func (e examiner) checkOf(r consumer.CheckResult, token *inspect.Token) check {
	c := check{Name: r.Name, Result: failed, Expected: r.Expected, Received: r.Received, Detail: r.Detail, Rule: ruleOf(r.Name)}
	switch r.Field {
	case "":
	case "Config.AudienceFunc": // examiner.config uses it in place of an audience
		c.Field = "consumer.Config.Audience"
	default:
		c.Field = "consumer." + r.Field
	}
	switch r.Result {
	case consumer.ResultPassed:
		c.Result = passed
	case consumer.ResultNotReached:
		c.Result = notReached
	case consumer.ResultFailed:
	}
	switch needs := e.missing(r.Name, token); {
	case needs == "":
	case c.Result == passed, c.Name == "key", c.Name == "signature", c.Name == "check":
		c.Result, c.Expected, c.Detail = notChecked, "", needs
	case c.Name == "issuer":
		c.Expected = "a URL"
	}
	return c
}

// missing says which flag a check needs, or returns "" if it has what it needs.
func (e examiner) missing(name string, token *inspect.Token) string {
	switch {
	case name == "issuer" && e.issuer == "" && token.IsJWT():
		return "set --issuer to the issuer that the API accepts"
	case name == "audience" && len(e.audience) == 0:
		return "set --audience to the name of the API"
	case (name == "key" || name == "signature") && e.keys == nil:
		return "set --issuer or --keys-file, so that there are keys"
	case name == "check":
		return "anybody can obtain a token of this issuer, so the API needs ClientIDs or Check"
	}
	return ""
}

// ruleOf returns where the rule of a check is specified.
func ruleOf(name string) string {
	rules := map[string]string{
		"size":      "limit of the kit",
		"form":      "RFC 7515 sections 5.2 and 7.1, RFC 7519 section 7.2",
		"algorithm": "RFC 8725 section 3.1",
		"type":      "RFC 8725 section 3.11, RFC 9068 section 4",
		"issuer":    "RFC 7519 section 4.1.1, RFC 9068 section 4",
		"claims":    "RFC 7519 section 4.1, RFC 9068 section 2.2",
		"audience":  "RFC 7519 section 4.1.3, RFC 9068 section 4",
		"time":      "RFC 7519 sections 4.1.4 to 4.1.6",
		"kind":      "RFC 8725 section 3.12",
		"client":    "RFC 9068 section 2.2",
		"key":       "RFC 7515 section 4.1.4, RFC 8725 section 3.8",
		"signature": "RFC 7515 section 5.2",
		"check":     "rule of the profile",
	}
	return rules[name]
}

// binding returns a check for a token that only the holder of a key may use. ok is false for other tokens.
func binding(token *inspect.Token) (c check, ok bool) {
	confirmation, ok := token.Claims["cnf"].(map[string]any)
	if !ok {
		return check{}, false
	}
	c = check{Name: "binding", Result: notChecked, Rule: "RFC 7800 section 3.1"}
	switch {
	case confirmation["jkt"] != nil:
		c.Received, c.Field, c.Rule = "a token that is bound to a key (jkt)", "middleware.Config.DPoP", "RFC 9449 sections 6 and 7.1"
	case confirmation["x5t#S256"] != nil:
		c.Received, c.Field, c.Rule = "a token that is bound to a certificate (x5t#S256)", "middleware.Config.MTLS", "RFC 8705 section 3"
	default:
		c.Received = "a token that is bound in another way"
		c.Detail = "the kit rejects tokens whose binding it cannot check"
		return c, true
	}
	c.Detail = "a request shows whether its sender has the key; an API without this setting rejects the token"
	return c, true
}
