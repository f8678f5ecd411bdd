package ssf_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// SETs that are not acceptable deny nothing. The error has the code of RFC 8935 section 2.4.
func TestReceive_RejectedSETs(t *testing.T) {
	t.Parallel()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test", Algorithms: []string{"ES256"}})
	many := func(n int, value func(i int) any) object {
		members := make(object)
		for i := range n {
			members[fmt.Sprint("m", i)] = value(i)
		}
		return members
	}
	tests := map[string]struct {
		change func(w *world, s *bearertest.Token)
		raw    func(w *world) string
		code   string
	}{
		"signed by a stranger": {change: func(_ *world, s *bearertest.Token) { s.SignWith("ES256", stranger) }, code: "invalid_key"},
		"unknown kid":          {change: func(_ *world, s *bearertest.Token) { s.SetHeader("kid", "unknown").SignWith("ES256", stranger) }, code: "invalid_key"},
		"alg none":             {change: func(_ *world, s *bearertest.Token) { s.SignWith("none", nil) }, code: "invalid_key"},
		"HS256 with a public key": {change: func(w *world, s *bearertest.Token) {
			s.SignWith("HS256", w.issuer.PEM("ES256"))
		}, code: "invalid_key"},
		"changed after signing": {change: func(_ *world, s *bearertest.Token) {
			s.EditSignature(func(b []byte) []byte { b[5] ^= 1; return b })
		}, code: "invalid_key"},
		"another issuer": {change: func(_ *world, s *bearertest.Token) { s.Set("iss", "https://other.test") }, code: "invalid_issuer"},
		"signed by another one": {raw: func(w *world) string {
			return other.Token("secevent+jwt", object{"iss": w.issuer.URL(), "aud": audience, "jti": "1", "iat": time.Now().Unix(), "sub_id": w.alice(), "events": object{ssf.TypeAccountDisabled: object{}}}).Sign()
		}, code: "invalid_key"},
		"another audience":       {change: func(_ *world, s *bearertest.Token) { s.Set("aud", "https://other.test") }, code: "invalid_audience"},
		"no audience":            {change: func(_ *world, s *bearertest.Token) { s.Set("aud", bearertest.Absent) }, code: "invalid_audience"},
		"an access token":        {raw: func(w *world) string { return w.issuer.AccessToken().Sign() }, code: "invalid_request"},
		"an access token's type": {change: func(_ *world, s *bearertest.Token) { s.SetHeader("typ", "at+jwt") }, code: "invalid_request"},
		"an access token with events": {raw: func(w *world) string {
			return w.issuer.AccessToken().Set("events", object{ssf.TypeAccountDisabled: object{}}).Set("sub_id", w.alice()).Sign()
		}, code: "invalid_request"},
		"an ID token":            {raw: func(w *world) string { return w.issuer.IDToken().Set("aud", audience).Sign() }, code: "invalid_request"},
		"a logout token":         {raw: func(w *world) string { return w.issuer.LogoutToken().Set("aud", audience).Sign() }, code: "invalid_request"},
		"no typ":                 {change: func(_ *world, s *bearertest.Token) { s.SetHeader("typ", bearertest.Absent) }, code: "invalid_request"},
		"typ JWT":                {change: func(_ *world, s *bearertest.Token) { s.SetHeader("typ", "JWT") }, code: "invalid_request"},
		"crit":                   {change: func(_ *world, s *bearertest.Token) { s.SetHeader("crit", []string{"x"}) }, code: "invalid_request"},
		"exp":                    {change: func(_ *world, s *bearertest.Token) { s.Set("exp", time.Now().Add(time.Hour).Unix()) }, code: "invalid_request"},
		"expired":                {change: func(_ *world, s *bearertest.Token) { s.Set("exp", time.Now().Add(-time.Hour).Unix()) }, code: "invalid_request"},
		"no jti":                 {change: func(_ *world, s *bearertest.Token) { s.Set("jti", bearertest.Absent) }, code: "invalid_request"},
		"empty jti":              {change: func(_ *world, s *bearertest.Token) { s.Set("jti", "") }, code: "invalid_request"},
		"long jti":               {change: func(_ *world, s *bearertest.Token) { s.Set("jti", strings.Repeat("j", 1001)) }, code: "invalid_request"},
		"no iat":                 {change: func(_ *world, s *bearertest.Token) { s.Set("iat", bearertest.Absent) }, code: "invalid_request"},
		"iat in milliseconds":    {change: func(_ *world, s *bearertest.Token) { s.Set("iat", time.Now().UnixMilli()) }, code: "invalid_request"},
		"nonce":                  {change: func(_ *world, s *bearertest.Token) { s.Set("nonce", "n") }, code: "invalid_request"},
		"no events":              {change: func(_ *world, s *bearertest.Token) { s.Set("events", bearertest.Absent) }, code: "invalid_request"},
		"empty events":           {change: func(_ *world, s *bearertest.Token) { s.Set("events", object{}) }, code: "invalid_request"},
		"events is a list":       {change: func(_ *world, s *bearertest.Token) { s.Set("events", []string{ssf.TypeAccountDisabled}) }, code: "invalid_request"},
		"an event is a text":     {change: func(_ *world, s *bearertest.Token) { s.Set("events", object{ssf.TypeAccountDisabled: "x"}) }, code: "invalid_request"},
		"an event is null":       {change: func(_ *world, s *bearertest.Token) { s.Set("events", object{ssf.TypeAccountDisabled: nil}) }, code: "invalid_request"},
		"9 events":               {change: func(_ *world, s *bearertest.Token) { s.Set("events", many(9, func(int) any { return object{} })) }, code: "invalid_request"},
		"a long type":            {change: func(_ *world, s *bearertest.Token) { s.Set("events", object{strings.Repeat("t", 1001): object{}}) }, code: "invalid_request"},
		"no subject":             {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", bearertest.Absent) }, code: "invalid_request"},
		"null subject":           {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", nil) }, code: "invalid_request"},
		"sub and sub_id":         {change: func(_ *world, s *bearertest.Token) { s.Set("sub", "alice") }, code: "invalid_request"},
		"subject is a text":      {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", "alice") }, code: "invalid_request"},
		"subject without format": {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", object{"id": "alice"}) }, code: "invalid_request"},
		"iss_sub without iss":    {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", object{"format": "iss_sub", "sub": "alice"}) }, code: "invalid_request"},
		"iss_sub with empty sub": {change: func(w *world, s *bearertest.Token) {
			s.Set("sub_id", object{"format": "iss_sub", "iss": w.issuer.URL(), "sub": ""})
		}, code: "invalid_request"},
		"opaque with a number":   {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", object{"format": "opaque", "id": 7}) }, code: "invalid_request"},
		"email without an email": {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", object{"format": "email"}) }, code: "invalid_request"},
		"two formats": {change: func(_ *world, s *bearertest.Token) {
			s.Set("sub_id", object{"format": "opaque", "Format": "email", "id": "alice"})
		}, code: "invalid_request"},
		"complex without members": {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", object{"format": "complex"}) }, code: "invalid_request"},
		"complex in complex": {change: func(w *world, s *bearertest.Token) {
			s.Set("sub_id", complexSubject(object{"user": complexSubject(object{"user": w.alice()})}))
		}, code: "invalid_request"},
		"aliases in complex": {change: func(w *world, s *bearertest.Token) {
			s.Set("sub_id", complexSubject(object{"user": object{"format": "aliases", "identifiers": []any{w.alice()}}}))
		}, code: "invalid_request"},
		"aliases in aliases": {change: func(w *world, s *bearertest.Token) {
			s.Set("sub_id", object{"format": "aliases", "identifiers": []any{object{"format": "aliases", "identifiers": []any{w.alice()}}}})
		}, code: "invalid_request"},
		"aliases without identifiers": {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", object{"format": "aliases"}) }, code: "invalid_request"},
		"complex with a text":         {change: func(_ *world, s *bearertest.Token) { s.Set("sub_id", complexSubject(object{"user": "alice"})) }, code: "invalid_request"},
		"complex with 21 members": {change: func(w *world, s *bearertest.Token) {
			s.Set("sub_id", complexSubject(many(21, func(int) any { return w.alice() })))
		}, code: "invalid_request"},
		"21 aliases": {change: func(w *world, s *bearertest.Token) {
			list := make([]any, 21)
			for i := range list {
				list[i] = w.alice()
			}
			s.Set("sub_id", object{"format": "aliases", "identifiers": list})
		}, code: "invalid_request"},
		"deeply nested": {change: func(_ *world, s *bearertest.Token) {
			s.EditClaims(func(b []byte) []byte {
				return []byte(strings.Replace(string(b), "{", `{"x":`+strings.Repeat("[", 50)+strings.Repeat("]", 50)+`,`, 1))
			})
		}, code: "invalid_request"},
		"duplicate events": {change: func(_ *world, s *bearertest.Token) {
			s.EditClaims(func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", `{"events":{},`, 1)) })
		}, code: "invalid_request"},
		"too long":    {change: func(_ *world, s *bearertest.Token) { s.Set("filler", strings.Repeat("x", 64<<10)) }, code: "invalid_request"},
		"not a JWT":   {raw: func(*world) string { return "x.y.z" }, code: "invalid_request"},
		"nothing":     {raw: func(*world) string { return "" }, code: "invalid_request"},
		"encrypted":   {raw: func(*world) string { return "a.b.c.d.e" }, code: "invalid_request"},
		"white space": {raw: func(w *world) string { return w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign() + "\n" }, code: "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			token := w.issuer.AccessToken().Sign()
			var raw string
			if tt.raw != nil {
				raw = tt.raw(w)
			} else {
				s := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
				tt.change(w, s)
				raw = s.Sign()
			}
			err := w.receiver.Receive(t.Context(), raw)
			rejected, ok := errors.AsType[*ssf.Error](err)
			if !ok || rejected.Code != tt.code {
				t.Errorf("got %v, want the code %s", err, tt.code)
			}
			if saves := w.storage.saved(); saves != 0 {
				t.Errorf("%d entries were saved", saves)
			}
			if !w.accepts(t, token) {
				t.Error("the token is denied")
			}
			if diff := cmp.Diff([]ssf.Outcome{ssf.OutcomeRejected}, w.outcomes()); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if stats := w.receiver.Stats(); stats.Rejected != 1 || !stats.LastAccepted.IsZero() {
				t.Errorf("Stats = %+v", stats)
			}
		})
	}
}

// Deviations with one meaning are accepted, because an event that is rejected is lost.
func TestReceive_AcceptedForms(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world, s *bearertest.Token){
		"typ with application/":  func(_ *world, s *bearertest.Token) { s.SetHeader("typ", "application/secevent+jwt") },
		"typ in upper case":      func(_ *world, s *bearertest.Token) { s.SetHeader("typ", "SECEVENT+JWT") },
		"several audiences":      func(_ *world, s *bearertest.Token) { s.Set("aud", []string{"https://other.test", audience}) },
		"iat four minutes ahead": func(_ *world, s *bearertest.Token) { s.Set("iat", time.Now().Add(4*time.Minute).Unix()) },
		"a year old": func(_ *world, s *bearertest.Token) {
			s.Set("iat", time.Now().Add(-365*24*time.Hour).Unix()).Set("toe", time.Now().Unix())
		},
		"sub": func(_ *world, s *bearertest.Token) { s.Set("sub_id", bearertest.Absent).Set("sub", "alice") },
		"subject in the event": func(w *world, s *bearertest.Token) {
			s.Set("sub_id", bearertest.Absent).Set("events", object{ssf.TypeAccountDisabled: object{"subject": w.alice()}})
		},
		"subject_type as Google writes": func(w *world, s *bearertest.Token) {
			s.Set("sub_id", bearertest.Absent).Set("events", object{ssf.TypeAccountDisabled: object{
				"reason": "hijacking", "subject": object{"subject_type": "iss-sub", "iss": w.issuer.URL(), "sub": "alice"},
			}})
		},
		"unknown members everywhere": func(w *world, s *bearertest.Token) {
			subject := w.alice()
			subject["more"] = object{"a": 1}
			s.Set("sub_id", subject).Set("more", []int{1}).Set("events", object{ssf.TypeAccountDisabled: object{"more": nil}})
		},
		"txn and toe of other types": func(_ *world, s *bearertest.Token) { s.Set("txn", 7).Set("toe", "now") },
		"an unknown event beside it": func(_ *world, s *bearertest.Token) {
			s.Set("events", object{ssf.TypeAccountDisabled: object{}, "https://example.com/same": object{}})
		},
		"complex with unknown formats": func(w *world, s *bearertest.Token) {
			s.Set("sub_id", complexSubject(object{"user": w.alice(), "device": object{"format": "ip-addresses", "ip-addresses": []string{"10.0.0.1"}}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			token := w.issuer.AccessToken().Sign()
			s := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
			change(w, s)
			w.receive(t, s)
			if w.accepts(t, token) {
				t.Error("the token is not denied")
			}
		})
	}
}

// A SET is never accepted as another kind of token, whatever the profile.
func TestReceive_SETsAreNotAccessTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.set(ssf.TypeAccountDisabled, nil, nil).Set("sub", "alice").Set("exp", time.Now().Add(time.Hour).Unix()).Set("client_id", "app").
		Set("scope", "all")
	custom, err := consumer.NewProfile(consumer.ProfileConfig{Name: "careless", Types: []string{"secevent+jwt", "JWT", ""}})
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range append(consumer.Profiles(), custom) {
		c, err := consumer.New(consumer.Config{
			Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: w.keys, Profile: profile, InsecureAcceptIDToken: true,
			Check: func(context.Context, *consumer.Token) error { return nil },
		})
		if err != nil {
			continue // this profile is for another kind of issuer
		}
		if _, err := c.Verify(t.Context(), s.Sign()); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v", profile, err)
		}
	}
	c, err := client.New(client.Config{Issuer: w.issuer.URL(), ClientID: audience, Keys: w.keys})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.VerifyLogoutToken(t.Context(), s.Sign()); err == nil {
		t.Error("a SET is accepted as a logout token")
	}
}

// The receiver finds the keys in the metadata of the transmitter. Its issuer must be the configured one. While the keys are not
// available, and after a new key was announced, SETs are not rejected for good.
func TestReceive_KeysOfTheTransmitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		named, down := w.issuer.URL(), true
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			switch {
			case down:
				return nil, errDown
			case r.URL.Path == "/.well-known/ssf-configuration":
				return respond(http.StatusOK, `{"issuer":"`+named+`","jwks_uri":"`+w.issuer.URL()+`/jwks","spec_version":"1_0"}`), nil
			}
			return w.issuer.Client().Transport.RoundTrip(r)
		})
		w.receiver = w.newReceiver(t, func(c *ssf.Config) { c.Keys, c.HTTPClient = nil, &http.Client{Transport: transport} })
		set := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
		check := func(what string, code string, temporary bool) {
			t.Helper()
			err := w.receiver.Receive(t.Context(), set.Sign())
			rejected, _ := errors.AsType[*ssf.Error](err)
			got := ""
			if rejected != nil {
				got = rejected.Code
			}
			if got != code || (err != nil && rejected == nil) != temporary {
				t.Errorf("%s: got %v, want code %q, temporary %v", what, err, code, temporary)
			}
		}
		check("the transmitter is down", "", true)
		if w.receiver.Warm(t.Context()) == nil {
			t.Error("Warm returned nil without keys")
		}
		down, named = false, "https://other.test"
		time.Sleep(time.Minute)
		check("metadata of another issuer", "", true)
		named = w.issuer.URL()
		time.Sleep(time.Minute)
		if err := w.receiver.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("with keys", "", false)

		// Forged kids use up the fetches that are allowed. A SET with a new key must not be rejected then.
		stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			forged := w.set(ssf.TypeAccountDisabled, w.alice(), nil).SignWith("ES256", stranger).SetHeader("kid", fmt.Sprint(i))
			_ = w.receiver.Receive(t.Context(), forged.Sign())
		}
		time.Sleep(time.Second) // the limit on fetches allows the next one later
		w.issuer.Rotate()
		set = w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("jti", "set-2")
		check("a new key that was not fetched", "", true)
		time.Sleep(time.Minute)
		check("a new key", "", false)
		set = w.set(ssf.TypeAccountDisabled, w.alice(), nil).SignWith("ES256", stranger).SetHeader("kid", "forged")
		check("a kid that the transmitter does not have", "invalid_key", false)
	})
}

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	_, err := ssf.New(ssf.Config{
		Issuer: "http://example.com", TokenLifetime: -1, RememberFor: time.Minute, Timeout: time.Hour, ClockSkew: time.Hour,
		TokenIssuers: append(make([]string, 20), "x"),
	})
	for _, want := range []string{
		"Config.Storage", "Config.TokenLifetime", "Config.RememberFor", "Config.Timeout", "Config.ClockSkew",
		"Config.TokenIssuers has 21", "Config.TokenIssuers contains an empty issuer", "Config.Issuer",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	_, err = ssf.New(ssf.Config{TokenLifetime: 367 * 24 * time.Hour, RememberFor: 367 * 24 * time.Hour, Keys: jwks.Static{}})
	for _, want := range []string{"Config.Issuer", "Config.Audience", "at most 366 days", "1 hour to 366 days"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	if _, err := ssf.New(ssf.Config{Storage: (*store.Memory)(nil)}); err == nil || !strings.Contains(err.Error(), "Config.Storage is required") {
		t.Errorf("a Storage that contains a nil pointer: %v", err)
	}
	if _, err := ssf.New(ssf.Config{Issuer: "https://example.com?x"}); err == nil || !strings.Contains(err.Error(), "query") {
		t.Errorf("an issuer with a query: %v", err)
	}
}

// A SET with a time in the future takes effect when the clock of this machine is right again, and is not rejected for good.
func TestReceive_SlowClock(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{"iat", "nbf"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			token := w.issuer.AccessToken().Set("exp", time.Now().Add(3*time.Hour).Unix()).Sign()
			set := w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set(claim, time.Now().Add(time.Hour).Unix()).Sign()
			err := w.receiver.Receive(t.Context(), set)
			if _, rejected := errors.AsType[*ssf.Error](err); err == nil || rejected || !w.accepts(t, token) {
				t.Errorf("%s in an hour: the error is %v, expected one after which the SET is delivered again", claim, err)
			}
			time.Sleep(time.Hour)
			if err := w.receiver.Receive(t.Context(), set); err != nil || w.accepts(t, token) {
				t.Errorf("%s: an hour later, the event has not taken effect: %v", claim, err)
			}
		})
	}
}
