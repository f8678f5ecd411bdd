package consumer_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// skews maps Config.ClockSkew to what it means.
var skews = map[time.Duration]time.Duration{
	0: 10 * time.Second, -1: 0, -time.Hour: 0, 1: 1, time.Second: time.Second, 5 * time.Minute: 5 * time.Minute,
}

// freshAndWarm returns verifiers that have and have not seen the token: both must look at the clock.
func freshAndWarm(t *testing.T, cfg consumer.Config) map[string]*consumer.Consumer {
	t.Helper()
	warm := cfg
	cfg.CacheSize = -1
	return map[string]*consumer.Consumer{"without cache": newConsumer(t, cfg), "with cache": newConsumer(t, warm)}
}

// A token is rejected "on or after" exp (RFC 7519 section 4.1.4). The clock skew moves this moment exactly.
func TestT3_P6_Attack13_ExpiryToTheNanosecond(t *testing.T) {
	t.Parallel()
	for configured, skew := range skews {
		synctest.Test(t, func(t *testing.T) {
			issuer := newIssuer()
			cfg := offline(t, issuer)
			cfg.ClockSkew = configured
			raw := issuer.AccessToken().Set("exp", time.Now().Unix()+60).Sign()
			expiry := time.Now().Add(time.Minute)
			verifiers := freshAndWarm(t, cfg)
			for _, c := range verifiers {
				if token := accept(t, c, raw); !token.Expiry().Equal(expiry) {
					t.Errorf("Expiry %v, want %v, without the skew", token.Expiry(), expiry)
				}
			}
			time.Sleep(time.Until(expiry.Add(skew - 1)))
			for _, c := range verifiers {
				accept(t, c, raw)
			}
			time.Sleep(time.Nanosecond)
			for name, c := range verifiers {
				t.Log("skew", configured, name)
				reject(t, c, raw, consumer.ReasonExpired)
				reject(t, c, raw, consumer.ReasonExpired)
			}
		})
	}
}

func TestT3_Attack13_NotBeforeAndIssuedAtToTheNanosecond(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]consumer.Reason{
		"nbf": consumer.ReasonNotYetValid, "iat": consumer.ReasonIssuedInFuture,
	} {
		for configured, skew := range skews {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				cfg := offline(t, issuer)
				cfg.ClockSkew = configured
				begin := time.Now().Add(time.Hour)
				raw := issuer.AccessToken().Set(name, begin.Unix()).Set("exp", begin.Add(time.Hour).Unix()).Sign()
				c := newConsumer(t, cfg)
				reject(t, c, raw, reason)
				time.Sleep(time.Until(begin.Add(-skew - 1)))
				reject(t, c, raw, reason)
				time.Sleep(time.Nanosecond)
				accept(t, c, raw)
			})
		}
	}
}

// A NumericDate may have a fraction (RFC 7519 §2), and it is not rounded away.
func TestT3_FractionsOfSecondsAreUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		cfg := offline(t, issuer)
		cfg.ClockSkew = -1
		c := newConsumer(t, cfg)
		now := float64(time.Now().Unix())
		raw := issuer.AccessToken().Set("exp", now+0.5).Set("nbf", now+0.25).Set("iat", now+0.125).Sign()
		reject(t, c, raw, consumer.ReasonNotYetValid)
		time.Sleep(250 * time.Millisecond)
		token := accept(t, c, raw)
		begin := time.Now().Add(-250 * time.Millisecond)
		for name, got := range map[string]time.Duration{
			"exp": token.Expiry().Sub(begin), "nbf": token.NotBefore().Sub(begin), "iat": token.IssuedAt().Sub(begin),
		} {
			want := map[string]time.Duration{
				"exp": 500 * time.Millisecond, "nbf": 250 * time.Millisecond, "iat": 125 * time.Millisecond,
			}[name]
			if got != want {
				t.Errorf("%s is %v after the start, want %v", name, got, want)
			}
		}
		time.Sleep(250*time.Millisecond - 1)
		accept(t, c, raw)
		time.Sleep(time.Nanosecond)
		reject(t, c, raw, consumer.ReasonExpired)
	})
}

// A NumericDate is a JSON number in 0 < x < 253402300800 (RFC 7519 §2); what else exp may be is among the attacks.
func TestT3_Attack13_NumericDateRange(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for text, reasons := range map[string]map[string]consumer.Reason{
		"0.001":        {"exp": consumer.ReasonExpired, "nbf": "", "iat": ""},
		"1":            {"exp": consumer.ReasonExpired, "nbf": "", "iat": ""},
		"1e3":          {"exp": consumer.ReasonExpired, "nbf": "", "iat": ""},
		"253402300799": {"exp": "", "nbf": consumer.ReasonNotYetValid, "iat": consumer.ReasonIssuedInFuture},
		"253402300799.9": {
			"exp": "", "nbf": consumer.ReasonNotYetValid, "iat": consumer.ReasonIssuedInFuture,
		},
		"2534023007.99E2": {
			"exp": "", "nbf": consumer.ReasonNotYetValid, "iat": consumer.ReasonIssuedInFuture,
		},
		"253402300800": {
			"exp": consumer.ReasonClaims, "nbf": consumer.ReasonClaims, "iat": consumer.ReasonClaims,
		},
	} {
		for name, reason := range reasons {
			raw := issuer.AccessToken().Set(name, json.RawMessage(text)).Sign()
			if reason == "" {
				accept(t, c, raw)
				continue
			}
			t.Log(name, text)
			reject(t, c, raw, reason)
		}
	}
}

func TestT3_AbsentTimes(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().Set("nbf", bearertest.Absent).Sign())
	if !token.NotBefore().IsZero() {
		t.Errorf("NotBefore %v", token.NotBefore())
	}
	if token.IssuedAt().IsZero() || token.Expiry().IsZero() || token.VerifiedAt().IsZero() {
		t.Errorf("zero times: %v %v %v", token.IssuedAt(), token.Expiry(), token.VerifiedAt())
	}
}
