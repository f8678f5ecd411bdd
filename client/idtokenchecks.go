package client

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// This file has the checks of an ID token that follow those of its signature, issuer, audience and dates.

// badIDToken returns an error that matches consumer.ErrInvalidToken. detail says what was expected and received, and which
// field decides. The program may log it, so it quotes no claim about the user, and no secret.
func badIDToken(reason consumer.Reason, detail string, values ...any) error {
	return fmt.Errorf("client: ID token: %w", &consumer.Error{Reason: reason, Detail: fmt.Sprintf(detail, values...)})
}

// checkIssuer requires the ID token to be of the issuer that the authorization response named (RFC 9207, Section 2.4). With
// Config.Tenants, that may be another tenant.
func (t *IDToken) checkIssuer(o IDTokenOptions) error {
	if o.issuer != "" && t.Issuer() != o.issuer {
		return badIDToken(consumer.ReasonIssuer, "iss is %s, expected %s, as in the authorization response (RFC 9207)", quote(t.Issuer()), quote(o.issuer))
	}
	return nil
}

// checkParty requires the ID token to be issued to this client, and not only to name it as one audience among others (OpenID
// Connect Core errata 2, Section 3.1.3.7, steps 3 to 5). The claim azp names the client that requested the token: this one,
// or one in Config.AcceptedParties. All other audiences must be in Config.ExtraAudiences, which may be nil if there is an
// azp.
func (t *IDToken) checkParty(cfg Config) error {
	claim, there := t.Claim("azp")
	party, _ := claim.(string)
	if there && party != cfg.ClientID && (party == "" || !slices.Contains(cfg.AcceptedParties, party)) {
		return badIDToken(consumer.ReasonAudience, "azp is %s, expected %s (Config.ClientID, Config.AcceptedParties)",
			quote(claim), quote(append([]string{cfg.ClientID}, cfg.AcceptedParties...)))
	}
	if there && cfg.ExtraAudiences == nil {
		return nil
	}
	for _, other := range t.Audience() {
		if other != cfg.ClientID && !slices.Contains(cfg.ExtraAudiences, other) {
			return badIDToken(consumer.ReasonAudience, "aud contains %s, expected only %s (Config.ClientID, Config.ExtraAudiences)%s",
				quote(other), quote(append([]string{cfg.ClientID}, cfg.ExtraAudiences...)),
				map[bool]string{false: "; azp is missing"}[there])
		}
	}
	return nil
}

// quote returns a claim for an error text: strings of at most 100 bytes, at most four elements of a list, and the kind of
// everything else.
func quote(claim any) string {
	const most = 4
	switch claim := claim.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(clip(claim))
	case []string:
		var texts []string
		for _, one := range claim[:min(len(claim), most)] {
			texts = append(texts, quote(one))
		}
		if len(claim) > most {
			texts = append(texts, "…")
		}
		return strings.Join(texts, " or ")
	case []any:
		return "a list"
	}
	return "not a string"
}

const maxSubject = 255 // OpenID Connect Core, Section 2

// checkSubject requires the expected user, if there is one. It also limits the length of sub, which programs use as a key
// (OpenID Connect Core, Section 2).
func (t *IDToken) checkSubject(o IDTokenOptions) error {
	switch {
	case len(t.Subject()) > maxSubject:
		return badIDToken(consumer.ReasonClaims, "sub has %d bytes, expected at most %d", len(t.Subject()), maxSubject)
	case o.subjectIssuer != "" && t.Issuer() != o.subjectIssuer:
		return badIDToken(consumer.ReasonClaims, "iss is %s, expected %s, as in the IDTokenHint of the request", quote(t.Issuer()), quote(o.subjectIssuer))
	case o.Subject != "" && t.Subject() != o.Subject:
		return badIDToken(consumer.ReasonClaims, "sub is not the expected user (IDTokenOptions.Subject, or the IDTokenHint of the request)")
	}
	return nil
}

// checkNonce requires the nonce of the authorization request, which ties the ID token to that request. If none was sent, an
// ID token with a nonce belongs to another request, and is rejected too (OpenID Connect Core, Section 3.1.3.7, step 11).
func (t *IDToken) checkNonce(cfg Config, o IDTokenOptions) error {
	nonce, there := t.Claim("nonce")
	text, _ := nonce.(string)
	switch {
	case o.Nonce == "" && (!there || o.anyNonce):
		return nil
	case o.Nonce == "":
		return badIDToken(consumer.ReasonClaims, "nonce is present, expected none, because none was sent (IDTokenOptions.Nonce)")
	case nonce == nil && cfg.InsecureNoNonce:
		return nil
	case nonce == nil:
		return badIDToken(consumer.ReasonClaims, "nonce is missing, expected the one that was sent (Config.InsecureNoNonce)")
	case subtle.ConstantTimeCompare([]byte(text), []byte(o.Nonce)) != 1:
		return badIDToken(consumer.ReasonClaims, "nonce is not the one that was sent (IDTokenOptions.Nonce)")
	}
	return nil
}

// checkSignIn requires the user to have signed in as requested: by acr and auth_time.
func (t *IDToken) checkSignIn(o IDTokenOptions, skew time.Duration) error {
	if acr, there := t.Claim("acr"); len(o.ACR) > 0 && !slices.ContainsFunc(o.ACR, func(one string) bool { return acr == one }) {
		received := "missing"
		if there {
			received = quote(acr)
		}
		return badIDToken(consumer.ReasonClaims, "acr is %s, expected %s (IDTokenOptions.ACR, or ACRValues of the request)", received, quote(o.ACR))
	}
	if o.MaxAge <= 0 {
		return nil
	}
	claim, _ := t.Claim("auth_time")
	seconds, ok := claim.(float64)
	age := float64(time.Now().Unix()) - seconds // a float64, since the claim may be any number
	switch {
	case !ok:
		return badIDToken(consumer.ReasonClaims, "auth_time is missing or not a number, expected one because of MaxAge")
	case age > (o.MaxAge+skew).Seconds() || age < -skew.Seconds():
		return badIDToken(consumer.ReasonClaims, "auth_time is %.0f seconds ago, expected 0 to %.0f (MaxAge and Config.ClockSkew)",
			age, (o.MaxAge + skew).Seconds())
	}
	return nil
}

// checkHash requires the claim name, if the ID token has it, to be the hash of value (OpenID Connect Core, Sections 3.1.3.6
// and 3.3.2.11).
func (t *IDToken) checkHash(raw, name, value string) error {
	claim, there := t.Claim(name)
	if !there || value == "" {
		return nil
	}
	want, _ := claim.(string)
	if subtle.ConstantTimeCompare([]byte(want), []byte(halfHash(algorithmOf(raw), value))) != 1 {
		return badIDToken(consumer.ReasonClaims, "%s is not the hash of the value that was received with the ID token", name)
	}
	return nil
}

// sameSignIn returns an error if t, from a refresh, is not about the same sign-in as the previous ID token (OpenID Connect
// Core, Section 12.2). Issuer, subject, audiences and azp must be the same. auth_time must be the same if both have it.
// nonce should be absent, and must be the same if it is present. iat must not be earlier.
//
// previous was verified when it was received. It may have expired since, so only its claims are read.
func (t *IDToken) sameSignIn(previous string) error {
	before, err := unverified(previous)
	if err != nil {
		return err
	}
	for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time", "nonce"} {
		old, was := before.Get(name)
		now, is := t.Claim(name)
		mayBeMissing := name == "nonce" && !is || name == "auth_time" && (!was || !is)
		if mayBeMissing || !was && !is {
			continue
		}
		if !equalClaims(old.Any(), now) {
			return badIDToken(consumer.ReasonClaims, "%s is not the same as in the previous ID token, as a refresh requires", name)
		}
	}
	issued, _ := before.Get("iat")
	if seconds, ok := issued.Number(); ok && float64(t.IssuedAt().Unix()) < math.Floor(seconds) {
		return badIDToken(consumer.ReasonClaims, "iat is earlier than in the previous ID token, expected the same or a later time")
	}
	return nil
}

// equalClaims compares two claims. A single audience equals a list of one, and the order of a list does not matter.
func equalClaims(a, b any) bool {
	list := func(v any) []any {
		all, ok := v.([]any)
		if !ok {
			return []any{v}
		}
		all = slices.Clone(all)
		slices.SortFunc(all, func(x, y any) int { return cmp.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
		return all
	}
	return reflect.DeepEqual(list(a), list(b))
}
