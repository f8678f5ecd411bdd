package consumer_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// wantSound wants either a token or an *Error of one class.
func wantSound(t *testing.T, token *consumer.Token, err error) {
	t.Helper()
	if err == nil {
		if token == nil {
			t.Error("neither a token nor an error")
		}
		return
	}
	var e *consumer.Error
	if token != nil || !errors.As(err, &e) || !errors.Is(err, consumer.ErrInvalidToken) || errors.Is(err, consumer.ErrUnavailable) {
		t.Errorf("token %v, error %v", token, err)
	}
}

// FuzzVerify: no text makes Verify panic, and none is accepted but the ones that were issued.
func FuzzVerify(f *testing.F) {
	a := theArena()
	var issued []string
	for _, alg := range asymmetric {
		issued = append(issued, lasting(a.issuer).Algorithm(alg).Sign())
	}
	for _, raw := range issued {
		f.Add(raw)
	}
	for _, row := range a.attacks() {
		f.Add(a.token(row))
	}
	c := newConsumer(f, offline(f, a.issuer))
	g := newGroup(f, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(f, offline(f, a.issuer))}})
	several := newConsumer(f, severalKeys(f, a.issuer))
	f.Fuzz(func(t *testing.T, raw string) {
		for _, v := range []consumer.Verifier{c, g, several} {
			token, err := v.Verify(t.Context(), raw)
			wantSound(t, token, err)
			if (err == nil) != slices.Contains(issued, raw) {
				t.Errorf("%q: %v", raw, err)
			}
		}
	})
}

// severalKeys describes issuer with a stranger's key in front of each RSA and P-256 key, under the same kid, and with a
// secret. So several keys are tried for a token.
func severalKeys(t testing.TB, issuer *bearertest.Issuer) consumer.Config {
	t.Helper()
	var keys jwks.Static
	ec, rsa := newEC(t).Public(), ownRSA().Public()
	for _, key := range publishedKeys(t, issuer) {
		switch key.Algorithm[:2] {
		case "RS", "PS":
			keys = append(keys, jwks.Key{ID: key.ID, Algorithm: key.Algorithm, Public: rsa})
		case "ES":
			keys = append(keys, jwks.Key{ID: key.ID, Public: ec})
		}
		keys = append(keys, key)
	}
	secret, err := jwks.Secret([]byte(strings.Repeat("s", 32)), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	cfg := offline(t, issuer)
	cfg.Keys = jwks.Join(secret, keys)
	return cfg
}

// FuzzVerifyChanged: an issued token in which anything was replaced does not verify, be it in the text or in what the
// text of a segment decodes to.
func FuzzVerifyChanged(f *testing.F) {
	issuer := newIssuer("EdDSA") // whose signatures cannot be bent at all
	c := newConsumer(f, offline(f, issuer))
	raw := lasting(issuer).Sign()
	accept(f, c, raw)
	for segment := range uint8(4) {
		f.Add(segment, uint16(0), uint16(0), "")
		f.Add(segment, uint16(3), uint16(1), "A")
		f.Add(segment, uint16(9), uint16(0), " ")
		f.Add(segment, uint16(20), uint16(0), `,"crit":[]`)
		f.Add(segment, uint16(60), uint16(5), "\n")
		f.Add(segment, uint16(500), uint16(0), "=")
	}
	f.Fuzz(func(t *testing.T, segment uint8, at, length uint16, by string) {
		changed := splice(raw, at, length, by)
		parts := strings.Split(raw, ".")
		if n := int(segment); n < len(parts) {
			parts[n] = encodeSegment([]byte(splice(string(decodeSegment(t, parts[n])), at, length, by)))
			changed = strings.Join(parts, ".")
		}
		token, err := c.Verify(t.Context(), changed)
		wantSound(t, token, err)
		if (err == nil) != (changed == raw) {
			t.Errorf("%q: %v", changed, err)
		}
	})
}

// splice replaces length bytes of text.
func splice(text string, at, length uint16, by string) string {
	from := min(int(at), len(text))
	to := min(from+int(length), len(text))
	return text[:from] + by + text[to:]
}

// FuzzHeader signs arbitrary headers. A header that is accepted must have only one reading, and a harmless one.
func FuzzHeader(f *testing.F) {
	a := theArena()
	for _, row := range a.attacks() {
		if headerText, _, ok := strings.Cut(a.token(row), "."); ok {
			if decoded, err := decodeLoosely(headerText); err == nil {
				f.Add(decoded)
			}
		}
	}
	f.Add(`{"alg":"ES256"}`)
	f.Add(`{"alg":"ES256","kid":"es256-1","typ":"application/at+jwt"}`)
	issuer := newIssuer()
	cfg := offline(f, issuer)
	cfg.CacheSize = -1
	c := newConsumer(f, cfg)
	claims := lasting(issuer)
	f.Fuzz(func(t *testing.T, text string) {
		draft := *claims
		token, err := c.Verify(t.Context(), draft.EditHeader(with(text)).Sign())
		wantSound(t, token, err)
		if err != nil {
			return
		}
		var members map[string]any
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			t.Fatalf("%q is accepted: %v", text, err)
		}
		typ, _ := members["typ"].(string)
		kinds := []string{"", "jwt", "at+jwt", "application/jwt", "application/at+jwt"}
		kid, hasKid := members["kid"]
		_, crit := members["crit"]
		_, b64 := members["b64"]
		if members["alg"] != "ES256" || crit || b64 || !slices.Contains(kinds, strings.ToLower(typ)) ||
			hasKid && kid != "es256-1" && kid != "" && kid != nil {
			t.Errorf("%q is accepted", text)
		}
	})
}

func decodeLoosely(segment string) (string, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(segment)
	return string(decoded), err
}

// FuzzClaims signs whatever claims come. What is accepted is held against a plain reading of RFC 7519 §4.1.
func FuzzClaims(f *testing.F) {
	a := theArena()
	for _, row := range a.attacks() {
		if parts := strings.Split(a.token(row), "."); len(parts) == 3 {
			if decoded, err := decodeLoosely(parts[1]); err == nil {
				f.Add(decoded)
			}
		}
	}
	issuer := newIssuer()
	good, _ := decodeLoosely(strings.Split(lasting(issuer).Sign(), ".")[1])
	f.Add(good)
	cfg := offline(f, issuer)
	cfg.CacheSize = -1
	c := newConsumer(f, cfg)
	f.Fuzz(func(t *testing.T, text string) {
		token, err := c.Verify(t.Context(), issuer.AccessToken().EditClaims(with(text)).Sign())
		wantSound(t, token, err)
		if err != nil {
			return
		}
		var claims struct {
			Issuer   string   `json:"iss"`
			Subject  string   `json:"sub"`
			Audience any      `json:"aud"`
			Expiry   float64  `json:"exp"`
			IssuedAt float64  `json:"iat"`
			Begin    *float64 `json:"nbf"`
			Nonce    any      `json:"nonce"`
		}
		if err := json.Unmarshal([]byte(text), &claims); err != nil {
			t.Fatalf("%q is accepted: %v", text, err)
		}
		now, skew := float64(time.Now().Unix()), 12.0
		audiences, _ := claims.Audience.([]any)
		if claims.Audience != audience && !slices.Contains(audiences, any(audience)) || claims.Issuer != issuerURL ||
			claims.Expiry <= now-skew || claims.IssuedAt > now+skew || claims.Nonce != nil ||
			claims.Begin != nil && *claims.Begin > now+skew {
			t.Errorf("%q is accepted", text)
		}
		if token.Issuer() != claims.Issuer || token.Subject() != claims.Subject {
			t.Errorf("claims %s: token has issuer %q, subject %q", text, token.Issuer(), token.Subject())
		}
	})
}
