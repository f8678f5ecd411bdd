package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// checkToken checks the token with the settings and the keys that were found, and suggests the settings with which it would be
// accepted.
func (d *doctor) checkToken(ctx context.Context) {
	if d.token.Raw == "" {
		if d.metadata != nil || d.static() {
			d.checkConfig()
		}
		return
	}
	if len(d.token.Removed) > 0 {
		d.ok("token.form", "", fmt.Sprintf("The text contains more than the token: %s was removed.", strings.Join(d.token.Removed, ", ")))
	}
	switch d.token.Kind {
	case inspect.KindOpaque:
		d.opaque()
	case inspect.KindEncrypted:
		d.add(Finding{
			Check: "token.kind", Severity: Problem, Found: "The token is encrypted (JWE), and the kit decrypts no tokens.", Actor: ActorIssuer,
			Change: "Configure the issuer to sign access tokens for this API and not to encrypt them.",
		})
		d.verdict = verdictRejected
	case inspect.KindMalformed, inspect.KindNothing:
		d.add(Finding{
			Check: "token.form", Severity: Problem, Found: fmt.Sprintf("The text is not a complete token: %s.", d.token.Because), Actor: ActorClient,
			Change: "Copy the whole token, without the parts of the log line or the command around it.",
		})
		d.verdict = verdictRejected
	default:
		d.describeToken()
		d.diagnose(ctx)
	}
}

// describeToken adds a finding with the parts of the token that are about the API. It quotes no claim about a user.
func (d *doctor) describeToken() {
	parts := []string{"alg " + cli.Quote(d.token.Parameter("alg"))}
	for _, name := range []string{"typ", "kid"} {
		if value := d.token.Parameter(name); value != "" {
			parts = append(parts, name+" "+cli.Quote(value))
		}
	}
	text := fmt.Sprintf("The token is %s with %s.", withArticle(string(d.token.Kind)), strings.Join(parts, ", "))
	if scopes := d.scopes(); len(scopes) > 0 {
		text += " Scopes: " + joinQuoted(scopes) + "."
	}
	d.ok("token", "", text)
}

// scopes returns the scopes in the token.
func (d *doctor) scopes() []string {
	for _, name := range []string{"scope", "scp"} {
		if list := d.token.List(name); len(list) == 1 {
			return strings.Fields(list[0])
		} else if len(list) > 0 {
			return list
		}
	}
	return nil
}

// joinQuoted joins at most maxNames texts from the token.
func joinQuoted(texts []string) string {
	var quoted []string
	for _, text := range texts[:min(len(texts), maxNames)] {
		quoted = append(quoted, cli.Quote(text))
	}
	if len(texts) > maxNames {
		quoted = append(quoted, fmt.Sprintf("and %d more", len(texts)-maxNames))
	}
	return strings.Join(quoted, ", ")
}

// withArticle returns a noun with its indefinite article.
func withArticle(noun string) string {
	if strings.ContainsRune("aeioAEIO", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// noKeys is the source of keys if none are known. Only checks that need no key run with it.
type noKeys struct{}

// Keys implements [jwks.Source].
func (noKeys) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, fmt.Errorf("%w: doctor could not fetch them", jwks.ErrUnavailable)
}

// offline returns cfg with the keys that were fetched, so that no check causes a request.
func (d *doctor) offline(cfg consumer.Config) consumer.Config {
	cfg.KeyCache, cfg.Metadata, cfg.MetadataURL, cfg.DiscoveryTimeout, cfg.HTTPClient = jwks.Config{}, nil, "", 0, nil
	cfg.Status, cfg.PublicAddressesOnly = noStatus{}, false
	switch {
	case d.static():
	case d.hasKeys():
		cfg.Keys = d.keys.Usable()
	default:
		cfg.Keys = noKeys{}
	}
	if len(cfg.Audience) == 0 && !cfg.InsecureNoAudience {
		cfg.Audience = []string{"unknown"} // a missing audience has a finding of its own
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "unknown"
	}
	return cfg
}

// explain verifies the token with cfg and returns the checks.
func (d *doctor) explain(ctx context.Context, cfg consumer.Config) (*consumer.Token, consumer.Explanation, error) {
	c, err := consumer.New(d.offline(cfg))
	if err != nil {
		return nil, consumer.Explanation{}, err
	}
	return c.Explain(ctx, d.token.Raw)
}

// failed returns the check called name if it failed.
func failed(x consumer.Explanation, name string) (consumer.CheckResult, bool) {
	i := slices.IndexFunc(x.Checks, func(c consumer.CheckResult) bool { return c.Name == name && c.Result == consumer.ResultFailed })
	if i < 0 {
		return consumer.CheckResult{}, false
	}
	return x.Checks[i], true
}

// apply adds a finding and applies its settings to d.cfg.
func (d *doctor) apply(f Finding) {
	for _, s := range f.Settings {
		if s.apply != nil {
			s.apply(&d.cfg)
		}
	}
	d.add(f)
}

// diagnose finds out why the token is rejected. The checks that need no key come first: each may change the settings. Then the key
// and the signature are checked with these settings.
func (d *doctor) diagnose(ctx context.Context) {
	d.checkTokenIssuer(ctx)
	d.checkProfile(ctx)
	if !d.checkConfig() {
		return
	}
	_, x, _ := d.explain(ctx, d.cfg)
	d.checkForm(x)
	d.checkAlgorithm(x)
	d.checkAudience(x)
	d.checkTimes(x)
	d.checkClient(x)
	t, x, err := d.explain(ctx, d.cfg)
	d.checkKey(x)
	d.checkRest(x)
	d.checkBinding()
	d.conclude(t, err)
}

// conclude sets the verdict and adds the finding for it.
func (d *doctor) conclude(t *consumer.Token, err error) {
	switch {
	case t != nil && len(d.settings) == 0:
		d.verdict = verdictAccepted
		d.ok("token.verdict", "", "The token is accepted.")
	case t != nil:
		d.verdict = verdictAccepted
		d.ok("token.verdict", "", "The token is accepted with the settings below.")
	case !d.hasKeys():
		d.verdict = verdictUnknown
		d.add(Finding{
			Check: "token.verdict", Severity: Problem, Found: "The signature of the token cannot be checked, because there are no keys.",
			Change: "See the findings about the keys.", Actor: ActorIssuer, Field: inConsumer + "Keys",
		})
	default:
		d.verdict = verdictRejected
		var rejected *consumer.Error
		reason := "invalid"
		if asError(err, &rejected) {
			reason = string(rejected.Reason)
		}
		d.add(Finding{
			Check: "token.verdict", Severity: Problem, Found: fmt.Sprintf("The token is rejected (%s), and no setting of the API should change that.", reason),
			Change: "See the findings about the token.", Actor: d.lastActor(),
		})
	}
}

// lastActor returns who has to act about the last problem of the token.
func (d *doctor) lastActor() Actor {
	for _, f := range slices.Backward(d.findings) {
		if f.Severity == Problem && strings.HasPrefix(f.Check, "token") {
			return f.Actor
		}
	}
	return ActorClient
}
