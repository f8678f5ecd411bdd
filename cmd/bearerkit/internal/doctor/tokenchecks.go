package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
)

// asError is [errors.As].
func asError[E error](err error, target *E) bool { return errors.As(err, target) }

// maxSize is the greatest MaxTokenBytes that doctor suggests. HTTP servers limit headers to about as much.
const maxSize = 64 << 10

// checkForm reports a token that is too long or cannot be read.
func (d *doctor) checkForm(x consumer.Explanation) {
	if check, no := failed(x, "size"); no {
		f := Finding{Check: "token.size", Severity: Problem, Found: check.Detail + ".", Field: inConsumer + "MaxTokenBytes", Actor: ActorIssuer}
		f.Change = "Configure the issuer to put fewer claims into the token."
		if len(d.token.Raw) <= maxSize {
			f.Change += " If they are needed, set MaxTokenBytes, and check the header limits of your proxies."
			f.Actor, f.Settings = ActorAPI, []Setting{setTokenBytes(len(d.token.Raw))}
		}
		d.apply(f)
	}
	check, no := failed(x, "form")
	if !no {
		return
	}
	f := Finding{Check: "token.form", Severity: Problem, Found: check.Detail + ".", Actor: ActorIssuer, Change: "Configure the issuer to send tokens in this form: " + check.Expected + "."}
	if header, _, _ := strings.Cut(d.token.Raw, "."); strings.Contains(check.Detail, "MaxHeaderBytes") && len(header) <= maxSize {
		f.Field, f.Actor = inConsumer+"MaxHeaderBytes", ActorAPI
		f.Change = "Set MaxHeaderBytes. Issuers that put a certificate chain into the header need it."
		f.Settings = []Setting{setHeaderBytes(len(header))}
	}
	d.apply(f)
}

// powerOfTwo returns the next power of two as a Go expression and its value.
func powerOfTwo(n int) (string, int) {
	power := bits.Len(uint(n - 1))
	return fmt.Sprintf("1 << %d", power), 1 << power
}

func setTokenBytes(n int) Setting {
	value, limit := powerOfTwo(n)
	return setting("MaxTokenBytes", value, func(cfg *consumer.Config) { cfg.MaxTokenBytes = limit })
}

func setHeaderBytes(n int) Setting {
	value, limit := powerOfTwo(n)
	return setting("MaxHeaderBytes", value, func(cfg *consumer.Config) { cfg.MaxHeaderBytes = limit })
}

// checkAlgorithm reports an algorithm that Config.Algorithms does not contain.
func (d *doctor) checkAlgorithm(x consumer.Explanation) {
	if _, no := failed(x, "algorithm"); !no {
		return
	}
	alg := d.token.Parameter("alg")
	f := Finding{
		Check: "token.algorithm", Severity: Problem, Found: fmt.Sprintf("alg is %s, which is not accepted.", cli.Quote(alg)),
		Field: inConsumer + "Algorithms", Actor: ActorIssuer,
	}
	switch {
	case strings.EqualFold(alg, "none"):
		f.Change = "The token has no signature. Send the token of the issuer as it is, or configure the issuer to sign tokens."
	case signature.IsSymmetric(alg):
		f.Field = inConsumer + "Keys"
		f.Change = "The token is signed with a shared secret. Configure the issuer to sign with a key pair, such as RS256 or ES256. If that is " +
			"not possible, set Keys to a jwks.Secret: then everyone who has the secret can create tokens."
	case slices.Contains(signature.Default(), alg):
		accepted := append(slices.Clone(d.cfg.Algorithms), alg)
		f.Actor = ActorAPI
		f.Change = "Add the algorithm to Algorithms, if the issuer uses it on purpose."
		f.Settings = []Setting{setting("Algorithms", quoteList(accepted), func(cfg *consumer.Config) { cfg.Algorithms = accepted })}
	default:
		f.Change = "Configure the issuer to sign with an algorithm that the kit supports: " + strings.Join(signature.Default(), ", ") + "."
	}
	d.apply(f)
}

// checkAudience reports a token that is not for this API.
func (d *doctor) checkAudience(x consumer.Explanation) {
	audience := slices.DeleteFunc(d.token.List("aud"), func(name string) bool { return name == "" }) // an empty text names no API
	check, no := failed(x, "audience")
	f := Finding{Check: "token.audience", Severity: Problem, Field: inConsumer + "Audience"}
	switch {
	case !no:
		d.ok(f.Check, f.Field, fmt.Sprintf("aud contains the name of the API: %s.", joinQuoted(audience)))
		return
	case len(audience) == 0:
		d.missingAudience(f)
		return
	case !d.token.IsAccessToken() && !d.cfg.InsecureAcceptIDToken:
		return // the finding about the kind says what to do
	}
	f.Found = check.Detail + "."
	if len(d.cfg.Audience) == 0 {
		f.Found = fmt.Sprintf("No audience was given. aud is %s.", joinQuoted(audience))
	}
	name, own := d.ownName(audience)
	switch {
	case own:
		f.Actor, f.Settings = ActorAPI, []Setting{setAudience(name)}
		f.Change = "Set Audience to the name of the API as the issuer writes it."
		if len(d.cfg.Audience) == 0 {
			f.Change = "Set Audience to the name of this API. Check that the issuer uses it for no other API."
		}
	case slices.Contains(audience, "account") && strings.Contains(d.cfg.Issuer, "/realms/"):
		f.Actor = ActorIssuer
		f.Change = "Keycloak adds the audience of the API only with a mapper: add an audience mapper to the client or to a client scope. Do not accept " +
			`"account", which is in the tokens of all clients.`
	default:
		f.Actor = ActorClient
		f.Change = fmt.Sprintf("The client must request a token for this API, with the parameter resource or audience, or with a scope of the API. "+
			"If %s is also a name of this API, and of no other API, add it to Audience.", cli.Quote(audience[0]))
	}
	d.apply(f)
}

// ownName returns the element of aud that is the name of the API in another form. If the user gave no audience, it is the only
// element that is not the client.
func (d *doctor) ownName(audience []string) (string, bool) {
	for _, name := range audience {
		for _, want := range d.cfg.Audience {
			if similar(name, want) {
				return name, true
			}
		}
	}
	if len(d.cfg.Audience) > 0 {
		return "", false
	}
	for _, name := range audience {
		if !isShared(name) {
			return name, true
		}
	}
	return "", false
}

// isShared reports whether many APIs accept this audience.
func isShared(name string) bool {
	switch name {
	case "account", "https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", "00000002-0000-0000-c000-000000000000":
		return true
	}
	return strings.HasSuffix(name, "/userinfo") || name == ""
}

// missingAudience reports a token without aud.
func (d *doctor) missingAudience(f Finding) {
	f.Found = "The token has no aud, so it may be meant for any API."
	product := d.cfg.Profile.String()
	client := d.clientOf(rulesOf(d.cfg.Profile))
	if (product == "cognito" || product == "clerk") && client != "" {
		f.Actor = ActorAPI
		f.Change = "This product sends no aud by default. Configure it to add one. Otherwise accept only the tokens of your own clients."
		f.Settings = []Setting{
			setting("InsecureNoAudience", "true", func(cfg *consumer.Config) { cfg.InsecureNoAudience = true }), setClientIDs(client),
		}
		d.apply(f)
		return
	}
	f.Actor = ActorIssuer
	f.Change = "Register the API at the issuer, and let the client request a token for it, with the parameter resource or audience. " +
		"The Config should not accept tokens without aud."
	d.add(f)
}

// checkTimes reports a token that is not valid now.
func (d *doctor) checkTimes(x consumer.Explanation) {
	check, no := failed(x, "time")
	f := Finding{Check: "token.time", Severity: Problem, Field: inConsumer + "ClockSkew"}
	if !no {
		if check, passed := passedCheck(x, "time"); passed && check.Received != "" {
			d.ok(f.Check, f.Field, fmt.Sprintf("The token is valid now: %s.", check.Received))
		}
		return
	}
	f.Found = check.Detail + "."
	now := time.Now()
	server, known := d.issuerSkew()
	early, late := d.outside(now)
	switch {
	case late > 0 && known && server.ahead < 0 && late <= -server.ahead+server.uncertainty:
		f.Found += " The token is still valid by the clock of the issuer."
		d.wrongClock(f, late)
	case late > 0:
		f.Actor = ActorClient
		f.Change = fmt.Sprintf("The token expired %v ago. Request a new token. The client should renew its tokens before they expire.", round(late))
		d.add(f)
	case early > 0 && known && early <= server.ahead+server.uncertainty:
		f.Found += " It is valid by the clock of the issuer."
		d.wrongClock(f, early)
	case early > 0:
		d.futureToken(f, early)
	default:
		f.Actor, f.Change = ActorIssuer, "Configure the issuer to write dates as numbers of seconds."
		d.add(f)
	}
}

// passedCheck returns the check called name if it passed.
func passedCheck(x consumer.Explanation, name string) (consumer.CheckResult, bool) {
	i := slices.IndexFunc(x.Checks, func(c consumer.CheckResult) bool { return c.Name == name && c.Result == consumer.ResultPassed })
	if i < 0 {
		return consumer.CheckResult{}, false
	}
	return x.Checks[i], true
}

// wrongClock adds the finding for a token whose dates are wrong by difference according to the clock of this machine.
func (d *doctor) wrongClock(f Finding, difference time.Duration) {
	f.Actor = ActorMachine
	f.Change = "Synchronize the clocks of this machine and of the issuer, for example with NTP."
	if needed := difference + 5*time.Second; needed <= maxClockSkew {
		f.Change += " Until then, set ClockSkew."
		f.Settings = []Setting{setClockSkew(needed)}
	} else {
		f.Change += fmt.Sprintf(" No setting helps: ClockSkew is at most %v.", maxClockSkew)
	}
	d.apply(f)
}

// futureToken adds the finding for a token that is not valid yet by the clock of the issuer either, or if that clock is not known.
// ClockSkew would only accept the token before the time that the issuer has chosen, so it is not suggested.
func (d *doctor) futureToken(f Finding, early time.Duration) {
	f.Actor = ActorIssuer
	f.Found += fmt.Sprintf(" The token is not valid yet: it becomes valid in %v.", round(early))
	server, known := d.issuerSkew()
	switch {
	case !known:
		f.Change = "Compare the clocks of this machine and of the issuer, which sends no usable Date header. If they agree, "
	case server.ahead > server.uncertainty:
		f.Change = fmt.Sprintf("The issuer's clock is %s, which does not explain the difference: ", server.text())
	default:
		f.Change = "The issuer's clock does not explain the difference: "
	}
	f.Change += "the issuer issues tokens for the future. Configure it to set nbf and iat to the current time, or use the token later."
	d.add(f)
}

// outside returns by how much the token is not valid yet, and by how much it has expired, at the time now.
func (d *doctor) outside(now time.Time) (early, late time.Duration) {
	for _, name := range []string{"nbf", "iat"} {
		if at, ok := d.date(name); ok {
			early = max(early, at.Sub(now))
		}
	}
	if at, ok := d.date("exp"); ok {
		late = now.Sub(at)
	}
	return early, late
}

// date returns a claim that is a date.
func (d *doctor) date(name string) (time.Time, bool) {
	number, ok := d.token.Claims[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// checkClient reports a client that Config.ClientIDs does not contain.
func (d *doctor) checkClient(x consumer.Explanation) {
	check, no := failed(x, "client")
	if !no {
		return
	}
	f := Finding{Check: "token.client", Severity: Problem, Found: check.Detail + ".", Field: inConsumer + "ClientIDs", Actor: ActorClient}
	f.Change = "Use a token of an accepted client."
	if client := d.clientOf(rulesOf(d.cfg.Profile)); client != "" {
		f.Change += fmt.Sprintf(" If the API must accept the client %s, add it to ClientIDs.", cli.Quote(client))
	}
	d.add(f)
}

// checkKey reports a token whose key or signature does not fit.
func (d *doctor) checkKey(x consumer.Explanation) {
	if !d.hasKeys() {
		return
	}
	f := Finding{Check: "token.key", Severity: Problem, Actor: ActorIssuer, Field: inConsumer + "Keys"}
	kid := d.token.Parameter("kid")
	if check, no := failed(x, "key"); no {
		f.Found = check.Detail + "."
		f.Change = d.keyAdvice(kid)
		d.add(f)
		return
	}
	if _, no := failed(x, "signature"); no {
		f.Check, f.Field = "token.signature", ""
		f.Found = fmt.Sprintf("The signature is not that of the key with the kid %s.", cli.Quote(kid))
		f.Change = "Send the token unchanged and complete. If it is, the issuer signs with a key that it does not publish under this kid: " +
			"correct the key set. No setting of the API helps."
		f.Actor = ActorClient
		d.add(f)
		return
	}
	if _, yes := passedCheck(x, "signature"); yes {
		d.ok(f.Check, f.Field, fmt.Sprintf("The signature is that of the key with the kid %s.", cli.Quote(kid)))
	}
}

// known returns the keys that were read, usable or not.
func (d *doctor) known() []jwks.InspectedKey {
	if d.keys == nil {
		return nil
	}
	return d.keys.Keys
}

// keyAdvice says what to do about a token that no key fits.
func (d *doctor) keyAdvice(kid string) string {
	for _, k := range d.known() {
		if k.KeyID != kid || kid == "" {
			continue
		}
		if k.Unusable != nil {
			return fmt.Sprintf("The key set has this key, but it cannot be used: %s. Sign tokens with another key.", k.Unusable.Detail)
		}
		return "The key set has a key with this kid for another algorithm. Correct alg in the key set, or sign with the algorithm of the key."
	}
	if kid == "" {
		return "Configure the issuer to put the kid of the signing key into the header of tokens."
	}
	if d.static() {
		return "Add the key with which tokens are signed to the configured keys. If the issuer publishes its keys, configure none: then they are fetched, " +
			"also when they change."
	}
	return "Publish the key with which tokens are signed, and keep it published until the last of them has expired. If the token is from another " +
		"environment, such as a test system with the same issuer, use a token of this one. No setting of the API helps."
}

// checkRest reports a failed check that has no finding yet.
func (d *doctor) checkRest(x consumer.Explanation) {
	for _, check := range x.Checks {
		if check.Result != consumer.ResultFailed || slices.Contains(handled(), check.Name) {
			continue
		}
		d.add(Finding{
			Check: "token." + check.Name, Severity: Problem, Found: check.Detail + ".", Change: "Send a token with " + check.Expected + ".", Actor: ActorClient,
			Field: field(check.Field),
		})
	}
}

// handled lists the checks that have their own findings.
func handled() []string {
	return []string{"size", "form", "algorithm", "type", "issuer", "claims", "audience", "time", "kind", "client", "key", "signature"}
}

// field returns the name of a field in an Explanation with its package.
func field(name string) string {
	if name == "" {
		return ""
	}
	return "consumer." + name
}

// checkBinding says what the Guard needs for a token that is bound to a key or a certificate.
func (d *doctor) checkBinding() {
	cnf, bound := d.token.Claims["cnf"].(map[string]any)
	if !bound {
		return
	}
	f := Finding{Check: "token.binding", Severity: Warning, Actor: ActorAPI, Change: "A Guard without this setting rejects the token."}
	switch {
	case cnf["jkt"] != nil:
		f.Found = "The token is bound to a key of the client (cnf.jkt, RFC 9449). The client sends it with the scheme DPoP and a proof for each request."
		f.Settings = []Setting{{
			Field: inMiddleware + "DPoP", Value: fmt.Sprintf("&middleware.DPoPConfig{URL: %s}", quoteGo(d.externalURL())),
		}}
	case cnf["x5t#S256"] != nil:
		f.Found = "The token is bound to a certificate of the client (cnf.x5t#S256, RFC 8705)."
		f.Settings = []Setting{{Field: inMiddleware + "MTLS", Value: "&middleware.MTLSConfig{}"}}
	default:
		f.Severity, f.Actor = Problem, ActorIssuer
		f.Found = "The token has a cnf that the kit does not know, and a Guard rejects it."
		f.Change = "Configure the issuer to bind tokens with DPoP (jkt) or TLS client certificates (x5t#S256), or not at all."
	}
	d.add(f)
}
