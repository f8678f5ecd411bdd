package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// Explain verifies raw like [Consumer.Verify], with the same effects, and also returns the result of each check. It is for
// development, for example for a command that explains why an API rejects a token.
//
// The checks that need no key are listed with their own results, even if an earlier one has failed, so that one
// explanation shows all faults. The other checks run only in Verify.
func (c *Consumer) Explain(ctx context.Context, raw string) (*Token, Explanation, error) {
	t, err := c.Verify(ctx, raw)
	return t, c.explanation(ctx, raw, t, err), err
}

// explanation returns the explanation of a verification that returned t or err.
func (c *Consumer) explanation(ctx context.Context, raw string, t *Token, err error) Explanation {
	x := explainer{ctx: ctx, c: c, err: err, maxBytes: c.cfg.MaxTokenBytes, maxHeader: c.cfg.MaxHeaderBytes}
	return x.explain(raw, t)
}

// explain explains the verification of raw, which returned t if x.err is nil. Each step adds the results of its checks, in
// the order in which Verify makes them.
func (x *explainer) explain(raw string, t *Token) Explanation {
	x.size(raw)
	if p, ok := x.form(raw); ok {
		x.claims(&p)
	}
	x.key(t)
	x.application()
	return x.finish()
}

// explainer collects the results of the checks of one token. It calls the functions that Verify calls, but neither the key
// source nor Config.Check nor Config.Status: their results follow from err.
type explainer struct {
	ctx     context.Context //nolint:containedctx // it lives as long as the call that creates it
	c       *Consumer       // nil: none was selected
	err     error           // of Verify
	checks  []CheckResult
	blocked bool // a check has failed

	maxBytes, maxHeader int // the limits of the length of the token and of its header
}

// add adds the result of a check whose error is err.
func (x *explainer) add(check CheckResult, err error) {
	check.Result = ResultPassed
	if err != nil {
		check.Result, check.Detail = ResultFailed, detailIn(err)
		x.blocked = true
	}
	x.checks = append(x.checks, check)
}

// detailIn returns the detail of err that may be shown.
func detailIn(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.LogDetail()
	}
	return ""
}

// skip adds a check that was not reached.
func (x *explainer) skip(check CheckResult) {
	check.Result = ResultNotReached
	x.checks = append(x.checks, check)
}

// size explains the limit of the length.
func (x *explainer) size(raw string) {
	var err error
	if len(raw) > x.maxBytes {
		err = tooLarge(raw, x.maxBytes)
	}
	x.add(CheckResult{
		Name: "size", Expected: fmt.Sprintf("at most %d bytes", x.maxBytes),
		Received: fmt.Sprintf("%d bytes", len(raw)), Field: "Config.MaxTokenBytes",
	}, err)
}

// form explains the parts of the token. ok is false if the rest cannot be read.
func (x *explainer) form(raw string) (p parsed, ok bool) {
	check := CheckResult{Name: "form", Expected: "a JWT in compact serialization, with JSON objects whose names are not repeated"}
	if x.blocked { // a text that is too long is not read
		x.skip(check)
		return p, false
	}
	var memo headerMemo
	var buffer signatureBuffer
	parts, err := splitToken(raw, x.c.acceptsPadding())
	if err == nil {
		p, _, err = parseParts(parts, &memo, x.maxHeader, &buffer)
	}
	if err == nil && p.variants && x.c != nil {
		err = x.c.rules.checkVariants(p.claims)
	}
	if header := x.header(raw); header != "" {
		check.Received = "a header with " + header
	}
	x.add(check, err)
	return p, err == nil
}

// header returns the parameters of the header that may be shown, or "" if it cannot be read.
func (x *explainer) header(raw string) string {
	parts, err := splitToken(raw, x.c.acceptsPadding())
	if err != nil || len(parts.Header) > x.maxHeader {
		return ""
	}
	o, err := readObject(parts.DecodeHeader())
	if err != nil {
		return ""
	}
	var d detail
	for _, name := range [...]string{"alg", "typ", "kid"} {
		if v, there := o.Get(name); there {
			text, _ := v.Text()
			d = d.text(name).text(" ").quote(text).text(" ")
		}
	}
	return strings.TrimSuffix(string(d), " ")
}

// claims explains the checks that need neither key nor network.
func (x *explainer) claims(p *parsed) {
	c := x.c
	if c == nil {
		x.add(CheckResult{
			Name: "issuer", Expected: "the issuer of a Consumer", Received: quoted(textOf(p.claims, "iss")),
			Field: "GroupConfig.Consumers",
		}, x.err)
		return
	}
	// The checks below do not stop at the first fault, so that the explanation shows all of them.
	t, missing := c.readToken(p)
	_, accepted := c.algorithms[p.header.algorithm]
	var algorithm error
	if !accepted {
		_, algorithm = c.checkHeader(&p.header)
	}
	_, kind := c.rules.checkKind(p.claims, c.cfg.InsecureAcceptIDToken)
	now := clock.Now()
	list := func(names []string) string { return string(detail(nil).quoteAll(names)) }
	x.add(CheckResult{
		Name: "algorithm", Expected: "one of " + list(c.cfg.Algorithms), Received: quoted(p.header.algorithm), Field: "Config.Algorithms",
	}, algorithm)
	x.add(CheckResult{
		Name: "type", Expected: "a typ that is one of " + list(c.rules.Types), Received: quoted(p.header.mediaType), Field: "Config.Profile",
	}, c.rules.checkType(p.header.mediaType))
	x.add(CheckResult{
		Name: "issuer", Expected: quoted(c.cfg.Issuer), Received: quoted(textOf(p.claims, "iss")), Field: "Config.Issuer",
	}, c.checkIssuer(p))
	x.add(CheckResult{Name: "claims", Expected: x.requiredClaims(), Field: "Config.Profile"}, missing)
	x.audience(t)
	x.add(CheckResult{
		Name: "time",
		Expected: "exp in the future, and nbf and iat not in the future, at " +
			now.Time().UTC().Format(time.RFC3339) + " ± " + c.cfg.ClockSkew.String(),
		Received: datesOf(t), Field: "Config.ClockSkew",
	}, c.checkTimes(t, now))
	x.add(CheckResult{
		Name: "kind", Expected: "no claim that marks a kind of token that profile " + c.rules.Name + " does not accept", Field: "Config.Profile",
	}, kind)
	if len(c.cfg.ClientIDs) > 0 {
		x.add(CheckResult{
			Name: "client", Expected: "one of " + list(c.cfg.ClientIDs), Received: quotedClient(t.clientID, c.rules.ClientClaims),
			Field: "Config.ClientIDs",
		}, c.checkClient(t))
	}
}

// audience explains the check of `aud`.
func (x *explainer) audience(t *Token) {
	check := CheckResult{
		Name: "audience", Expected: "one of " + string(detail(nil).quoteAll(x.c.cfg.Audience)),
		Received: string(detail(nil).quoteSome(t.audience)), Field: "Config.Audience",
	}
	if x.c.cfg.AudienceFunc != nil {
		check.Expected, check.Field = "a name that AudienceFunc returns for the request", "Config.AudienceFunc"
	}
	x.add(check, x.c.checkAudience(x.ctx, t))
}

// requiredClaims lists the claims that the token must have, besides those that have a check of their own.
func (x *explainer) requiredClaims() string {
	names := append([]string{"exp"}, x.c.rules.RequiredClaims...)
	if x.c.rules.RequireClient {
		names = append(names, strings.Join(x.c.rules.ClientClaims, " or "))
	}
	return "claims of the right types, including " + strings.Join(names, ", ")
}

// datesOf returns the dates of t that are present.
func datesOf(t *Token) string {
	var dates []string
	for _, date := range [...]struct {
		name string
		at   time.Time
	}{{"exp", t.expiry}, {"nbf", t.notBefore}, {"iat", t.issuedAt}} {
		if !date.at.IsZero() {
			dates = append(dates, date.name+" "+date.at.UTC().Format(time.RFC3339))
		}
	}
	return strings.Join(dates, ", ")
}

// quoted returns at most 100 bytes of text in quotes.
func quoted(text string) string { return string(detail(nil).quote(text)) }

// key explains the search for the key and the check of the signature.
func (x *explainer) key(t *Token) {
	key := CheckResult{Name: "key", Expected: "a usable key of the issuer that fits kid and alg", Field: "Config.Keys"}
	signature := CheckResult{Name: "signature", Expected: "a signature made with that key"}
	if t != nil {
		signature.Received = "a token verified at " + t.VerifiedAt().UTC().Format(time.RFC3339)
	}
	x.derive(key, stageKey)
	x.derive(signature, stageSignature)
}

// application explains the checks of the application that are set.
func (x *explainer) application() {
	if x.c == nil {
		return
	}
	if x.c.cfg.Check != nil {
		x.derive(CheckResult{Name: "check", Expected: "a token for which Config.Check returns nil", Field: "Config.Check"}, stageCheck)
	}
	if x.c.cfg.Status != nil {
		x.derive(CheckResult{Name: "status", Expected: "an active token", Field: "Config.Status"}, stageStatus)
	}
}

// stage is one of the checks that only Verify runs, in their order. Where Verify ended follows from its error.
type stage int

const (
	stageNone stage = iota // a check that examine runs
	stageKey
	stageSignature
	stageCheck
	stageStatus
	stageEnd // no error
)

// stageOf returns the stage in which Verify ended with err. [ReasonAlgorithm] belongs to stageKey: if the token's alg is not
// accepted at all, claims has found that already, and no stage is reached.
func stageOf(err error) stage {
	e, failed := errors.AsType[*Error](err)
	if !failed {
		return stageEnd
	}
	switch e.Reason {
	case ReasonUnknownKey, ReasonAlgorithm, ReasonKeysUnavailable, ReasonCanceled:
		return stageKey
	case ReasonSignature:
		return stageSignature
	case ReasonClaims, ReasonStatusUnavailable:
		// Both reasons have two causes. Only Config.Check begins its detail with its name: see checkVerified.
		if strings.HasPrefix(e.Detail, "Config.Check ") {
			return stageCheck
		}
		if e.Reason == ReasonStatusUnavailable {
			return stageStatus
		}
	case ReasonRevoked:
		return stageStatus
	default:
	}
	return stageNone
}

// derive adds the result of a check that only Verify runs. If Verify ended in a later stage, the check has passed. If it
// ended in this one, the check has failed. Otherwise it was not reached.
func (x *explainer) derive(check CheckResult, at stage) {
	ended := stageOf(x.err)
	switch {
	case x.blocked || ended < at:
		x.skip(check)
	case ended == at:
		x.add(check, x.err)
	default:
		x.add(check, nil)
	}
}

// finish returns the Explanation. An error that none of the checks explains gets an entry of its own.
func (x *explainer) finish() Explanation {
	e, failed := errors.AsType[*Error](x.err)
	if failed && !x.blocked {
		x.add(CheckResult{Name: string(e.Reason), Expected: "no other fault"}, x.err)
	}
	result := Explanation{Checks: x.checks}
	if failed {
		result.Reason = e.Reason
	}
	if x.c != nil {
		result.Issuer = x.c.cfg.Issuer
	}
	return result
}
