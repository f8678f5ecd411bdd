package ssf_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/ssf"
)

func complexSubject(members object) object {
	members["format"] = "complex"
	return members
}

func opaque(id string) object { return object{"format": "opaque", "id": id} }

func email(address string) object { return object{"format": "email", "email": address} }

// Each event denies the tokens that docs/revocation.md says, and no others. The tokens were issued a minute before the event, and
// later tokens of the same user are accepted.
func TestEvents_DenyTokens(t *testing.T) {
	t.Parallel()
	const session = "session-1"
	bySession := func(c *ssf.Config) { c.SessionClaim = true }
	tests := map[string]struct {
		config  func(*ssf.Config)
		event   string
		subject func(w *world) object
		content object

		mine, otherSession, later bool // whether these tokens are still accepted
		outcome                   ssf.Outcome
	}{
		"session-revoked of a user": {event: ssf.TypeSessionRevoked, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of a session and its user": {event: ssf.TypeSessionRevoked, subject: func(w *world) object {
			return complexSubject(object{"session": opaque(session), "user": w.alice()})
		}, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of a session, in tokens with sid": {config: bySession, event: ssf.TypeSessionRevoked, subject: func(w *world) object {
			return complexSubject(object{"session": opaque(session), "user": w.alice()})
		}, otherSession: true, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of a session alone, in tokens with sid": {config: bySession, event: ssf.TypeSessionRevoked, subject: func(*world) object {
			return complexSubject(object{"session": opaque(session)})
		}, otherSession: true, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of a session alone": {event: ssf.TypeSessionRevoked, subject: func(*world) object {
			return complexSubject(object{"session": opaque(session)})
		}, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"session-revoked of an opaque session": {
			event: ssf.TypeSessionRevoked, subject: func(*world) object { return opaque(session) },
			otherSession: true, later: true, outcome: ssf.OutcomeDenied,
		},
		"session-revoked of an alias that is an opaque session": {event: ssf.TypeSessionRevoked, subject: func(*world) object {
			return object{"format": "aliases", "identifiers": []any{email("alice@example.com"), opaque(session)}}
		}, otherSession: true, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of an opaque user": {
			config: bySession, event: ssf.TypeSessionRevoked, subject: func(*world) object { return opaque("alice") },
			later: true, outcome: ssf.OutcomeDenied,
		},
		"session-revoked of a user and a device": {event: ssf.TypeSessionRevoked, subject: func(w *world) object {
			return complexSubject(object{"device": opaque("device-1"), "user": w.alice(), "tenant": opaque("tenant-1")})
		}, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of an application": {event: ssf.TypeSessionRevoked, subject: func(*world) object {
			return complexSubject(object{"application": opaque("app-1")})
		}, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of an application and a user who cannot be mapped": {event: ssf.TypeSessionRevoked, subject: func(*world) object {
			return complexSubject(object{"application": opaque("app-1"), "user": email("alice@example.com")})
		}, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"session-revoked of a tenant": {event: ssf.TypeSessionRevoked, subject: func(*world) object {
			return complexSubject(object{"tenant": opaque("tenant-1")})
		}, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"sessions-revoked":  {event: ssf.TypeSessionsRevoked, later: true, outcome: ssf.OutcomeDenied},
		"account-disabled":  {event: ssf.TypeAccountDisabled, later: true, outcome: ssf.OutcomeDenied},
		"account-purged":    {event: ssf.TypeAccountPurged, later: true, outcome: ssf.OutcomeDenied},
		"account-enabled":   {event: ssf.TypeAccountEnabled, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeNoted},
		"an unknown event":  {event: "https://example.com/event", mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnknown},
		"another user":      {event: ssf.TypeAccountDisabled, subject: func(w *world) object { return opaque("bob") }, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeDenied},
		"an email address":  {event: ssf.TypeAccountDisabled, subject: func(*world) object { return email("alice@example.com") }, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"a foreign account": {event: ssf.TypeAccountDisabled, subject: func(*world) object { return object{"format": "iss_sub", "iss": "https://other.test", "sub": "alice"} }, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"account-disabled of a user in a session": {config: bySession, event: ssf.TypeAccountDisabled, subject: func(w *world) object {
			return complexSubject(object{"session": opaque("another"), "user": w.alice()})
		}, later: true, outcome: ssf.OutcomeDenied},
		"account-disabled of a user with a token as the session": {event: ssf.TypeAccountDisabled, subject: func(w *world) object {
			return complexSubject(object{"session": object{"format": "jwt_id", "iss": w.issuer.URL(), "jti": "token-1"}, "user": w.alice()})
		}, later: true, outcome: ssf.OutcomeDenied},
		"session-revoked of a user with a token as the session": {event: ssf.TypeSessionRevoked, subject: func(w *world) object {
			return complexSubject(object{"session": object{"format": "jwt_id", "iss": w.issuer.URL(), "jti": "token-1"}, "user": w.alice()})
		}, later: true, outcome: ssf.OutcomeDenied},
		"aliases": {event: ssf.TypeAccountDisabled, subject: func(w *world) object {
			return object{"format": "aliases", "identifiers": []any{email("alice@example.com"), w.alice()}}
		}, later: true, outcome: ssf.OutcomeDenied},
		"token-claims-change of a user": {event: ssf.TypeTokenClaimsChange, content: object{"claims": object{"role": "reader"}}, later: true, outcome: ssf.OutcomeDenied},
		"token-claims-change of a token": {event: ssf.TypeTokenClaimsChange, subject: func(w *world) object {
			return object{"format": "jwt_id", "iss": w.issuer.URL(), "jti": "token-1"}
		}, otherSession: true, later: true, outcome: ssf.OutcomeDenied},
		"token-claims-change of a token of another issuer": {event: ssf.TypeTokenClaimsChange, subject: func(*world) object {
			return object{"format": "jwt_id", "iss": "https://other.test", "jti": "token-1"}
		}, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"credential-change, update":             {event: ssf.TypeCredentialChange, content: object{"credential_type": "password", "change_type": "update"}, later: true, outcome: ssf.OutcomeDenied},
		"credential-change, revoke":             {event: ssf.TypeCredentialChange, content: object{"change_type": "revoke"}, later: true, outcome: ssf.OutcomeDenied},
		"credential-change without change_type": {event: ssf.TypeCredentialChange, later: true, outcome: ssf.OutcomeDenied},
		"credential-change, create":             {event: ssf.TypeCredentialChange, content: object{"change_type": "create"}, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeNoted},
		"assurance-level-change, decrease":      {event: ssf.TypeAssuranceLevelChange, content: object{"change_direction": "decrease"}, later: true, outcome: ssf.OutcomeDenied},
		"assurance-level-change":                {event: ssf.TypeAssuranceLevelChange, content: object{"current_level": "nist-aal1"}, later: true, outcome: ssf.OutcomeDenied},
		"assurance-level-change, increase":      {event: ssf.TypeAssuranceLevelChange, content: object{"change_direction": "increase"}, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeNoted},
		"identifier-changed":                    {event: ssf.TypeIdentifierChanged, subject: func(*world) object { return email("alice@example.com") }, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeUnmapped},
		"identifier-changed, mapped": {config: func(c *ssf.Config) {
			c.MapSubject = func(_ context.Context, s ssf.Subject) ([]ssf.Target, error) {
				if s.Format == "email" && s.ID == "alice@example.com" {
					return []ssf.Target{{Subject: "alice"}}, nil
				}
				return nil, nil
			}
		}, event: ssf.TypeIdentifierChanged, subject: func(*world) object { return email("alice@example.com") }, later: true, outcome: ssf.OutcomeDenied},
		"the application ignores an event": {config: func(c *ssf.Config) {
			c.Effect = func(e ssf.Event) ssf.Effect {
				if e.Type == ssf.TypeCredentialChange {
					return ssf.EffectNone
				}
				return ssf.DefaultEffect(e)
			}
		}, event: ssf.TypeCredentialChange, mine: true, otherSession: true, later: true, outcome: ssf.OutcomeNoted},
		"the application lets an unknown event deny": {config: func(c *ssf.Config) {
			c.Effect = func(ssf.Event) ssf.Effect { return ssf.EffectSubject }
		}, event: "https://schemas.openid.net/secevent/risc/event-type/credential-compromise", later: true, outcome: ssf.OutcomeDenied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.config)
				mine := w.issuer.AccessToken().Set("client_id", "app-1").Set("jti", "token-1").Set("sid", session).Sign()
				other := w.issuer.AccessToken().Set("client_id", "app-1").Set("jti", "token-2").Set("sid", "session-2").Sign()
				stranger := w.issuer.AccessToken().Set("client_id", "app-2").Set("sub", "eve").Set("sid", "session-3").Sign()
				for _, raw := range []string{mine, other, stranger} {
					if !w.accepts(t, raw) { // now the API has it in its cache
						t.Fatal("a good token is rejected")
					}
				}
				time.Sleep(time.Minute)
				subject := w.alice()
				if tt.subject != nil {
					subject = tt.subject(w)
				}
				w.receive(t, w.set(tt.event, subject, tt.content))
				time.Sleep(time.Minute)
				later := w.issuer.AccessToken().Set("client_id", "app-1").Set("sid", "session-4").Sign()
				for _, check := range []struct {
					name string
					raw  string
					want bool
				}{
					{"the token", mine, tt.mine},
					{"the token of another session", other, tt.otherSession},
					{"a later token", later, tt.later},
					{"the token of another user", stranger, true},
				} {
					if got := w.accepts(t, check.raw); got != check.want {
						t.Errorf("%s: accepted is %v, want %v", check.name, got, check.want)
					}
				}
				if diff := cmp.Diff([]ssf.Outcome{tt.outcome}, w.outcomes()); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The time of an event decides which tokens it denies. If it is in the future or not a time, the event denies only tokens that were
// issued until the clock skew from now, or until `iat` of the SET if that is later. An old event still takes effect. If the clock of
// the transmitter is ahead, or the clock of this machine is behind, the tokens that were issued before the event are denied too.
func TestEvents_Times(t *testing.T) {
	t.Parallel()
	at := func(offset time.Duration) func(now time.Time, s *bearertest.Token) object {
		return func(now time.Time, _ *bearertest.Token) object {
			return object{"event_timestamp": now.Add(offset).Unix()}
		}
	}
	tests := map[string]struct {
		content func(now time.Time, s *bearertest.Token) object
		denied  []time.Duration // offsets of iat, relative to the arrival
		allowed []time.Duration
	}{
		"now":                {at(0), []time.Duration{-time.Minute, 0}, []time.Duration{time.Second}},
		"ten minutes ago":    {at(-10 * time.Minute), []time.Duration{-11 * time.Minute, -10 * time.Minute}, []time.Duration{-9 * time.Minute, 0}},
		"five seconds ahead": {at(5 * time.Second), []time.Duration{0, 5 * time.Second}, []time.Duration{6 * time.Second}},
		"a year ahead":       {at(365 * 24 * time.Hour), []time.Duration{0, 9 * time.Second}, []time.Duration{10 * time.Second}},
		"days since 1970": {
			func(now time.Time, _ *bearertest.Token) object { return object{"event_timestamp": now.Unix() / 86400} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"minutes since 1970": {
			func(now time.Time, _ *bearertest.Token) object { return object{"event_timestamp": now.Unix() / 60} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"a year ago": {at(-365 * 24 * time.Hour), nil, []time.Duration{-time.Hour, 0}},
		"with a fraction": {func(now time.Time, _ *bearertest.Token) object {
			return object{"event_timestamp": float64(now.Unix()) - 59.5}
		}, []time.Duration{-time.Minute}, []time.Duration{-59 * time.Second}},
		"in milliseconds": {
			func(now time.Time, _ *bearertest.Token) object { return object{"event_timestamp": now.UnixMilli()} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"a text": {
			func(time.Time, *bearertest.Token) object { return object{"event_timestamp": "today"} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"in milliseconds as a text": {
			func(now time.Time, _ *bearertest.Token) object {
				return object{"event_timestamp": fmt.Sprint(now.UnixMilli())}
			},
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"null": {
			func(time.Time, *bearertest.Token) object { return object{"event_timestamp": nil} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"zero": {
			func(time.Time, *bearertest.Token) object { return object{"event_timestamp": 0} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"negative": {
			func(time.Time, *bearertest.Token) object { return object{"event_timestamp": -1} },
			[]time.Duration{0},
			[]time.Duration{time.Second},
		},
		"toe": {func(now time.Time, s *bearertest.Token) object {
			s.Set("toe", now.Add(-time.Minute).Unix())
			return object{}
		}, []time.Duration{-time.Minute}, []time.Duration{-59 * time.Second}},
		"event_timestamp before toe": {func(now time.Time, s *bearertest.Token) object {
			s.Set("toe", now.Add(-time.Minute).Unix())
			return object{"event_timestamp": now.Unix()}
		}, []time.Duration{0}, []time.Duration{time.Second}},
		"iat": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Add(-time.Minute).Unix())
			return object{}
		}, []time.Duration{-time.Minute}, []time.Duration{-59 * time.Second}},
		"iat four minutes ahead": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Add(4*time.Minute).Unix())
			return object{}
		}, []time.Duration{-time.Minute, 4 * time.Minute}, []time.Duration{4*time.Minute + time.Second}},
		"event_timestamp and iat four minutes ahead": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Add(4*time.Minute).Unix())
			return object{"event_timestamp": now.Add(3 * time.Minute).Unix()}
		}, []time.Duration{-time.Minute, 3 * time.Minute}, []time.Duration{3*time.Minute + time.Second}},
		"event_timestamp a year and iat four minutes ahead": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Add(4*time.Minute).Unix())
			return object{"event_timestamp": now.Add(365 * 24 * time.Hour).Unix()}
		}, []time.Duration{-time.Minute, 4 * time.Minute}, []time.Duration{4*time.Minute + time.Second}},
		"toe a year ahead": {func(now time.Time, s *bearertest.Token) object {
			s.Set("toe", now.Add(365*24*time.Hour).Unix())
			return object{}
		}, []time.Duration{0, 9 * time.Second}, []time.Duration{10 * time.Second}},
		"iat in days": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Unix()/86400)
			return object{}
		}, []time.Duration{-time.Minute, 0}, []time.Duration{time.Second}},
		"iat in minutes, event_timestamp in hours": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Unix()/60)
			return object{"event_timestamp": now.Unix() / 3600}
		}, []time.Duration{-time.Minute, 0}, []time.Duration{time.Second}},
		"iat in days, and event_timestamp": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Unix()/86400)
			return object{"event_timestamp": now.Add(-10 * time.Minute).Unix()}
		}, []time.Duration{-10 * time.Minute}, []time.Duration{-9 * time.Minute, 0}},
		"iat in days, and toe a year ahead": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Unix()/86400).Set("toe", now.Add(365*24*time.Hour).Unix())
			return object{}
		}, []time.Duration{0, 9 * time.Second}, []time.Duration{10 * time.Second}},
		"iat a year ago, and event_timestamp now": {func(now time.Time, s *bearertest.Token) object {
			s.Set("iat", now.Add(-365*24*time.Hour).Unix())
			return object{"event_timestamp": now.Unix()}
		}, []time.Duration{-time.Minute, 0}, []time.Duration{time.Second}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				now := time.Now()
				s := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
				s.Set("events", object{ssf.TypeAccountDisabled: tt.content(now, s)})
				w.receive(t, s)
				time.Sleep(5 * time.Minute) // so that no token is issued in the future
				issued := func(offset time.Duration) string {
					return w.issuer.AccessToken().Set("iat", now.Add(offset).Unix()).Sign()
				}
				for _, offset := range tt.denied {
					if w.accepts(t, issued(offset)) {
						t.Errorf("a token issued at %v is accepted", offset)
					}
				}
				for _, offset := range tt.allowed {
					if !w.accepts(t, issued(offset)) {
						t.Errorf("a token issued at %v is rejected", offset)
					}
				}
			})
		})
	}
}

// A denial lasts until the last of the denied tokens has expired, also if the clock of the issuer is 5 minutes ahead, and the API
// allows 5 minutes of skew.
func TestEvents_DenialsLastAsLongAsTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ahead := time.Now().Add(5 * time.Minute) // by the clock of the issuer
		token := w.issuer.AccessToken().Set("iat", ahead.Unix()).Set("exp", ahead.Add(24*time.Hour).Unix()).Sign()
		w.receive(t, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("iat", ahead.Unix()))
		time.Sleep(lifetime + 10*time.Minute - time.Second) // the last second in which the API would accept the token
		if w.accepts(t, token) {
			t.Error("the denial has ended too early")
		}
		time.Sleep(time.Second)
		if !w.accepts(t, token) {
			t.Error("the denial has not ended, so the entries would fill the Storage")
		}
	})
}

// A denied session has no time: its later tokens are rejected too, so that a refresh token does not continue it. When the entry has
// ended, the issuer can use the sid again. Another session of the user is accepted at once.
func TestEvents_SessionIsUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		issue := func(sid string) string { return w.issuer.AccessToken().Set("sid", sid).Sign() }
		session := complexSubject(object{"session": opaque("session-1"), "user": w.alice()})
		w.receive(t, w.set(ssf.TypeSessionRevoked, session, nil))
		time.Sleep(time.Second)
		if w.accepts(t, issue("session-1")) {
			t.Error("a token that continues the session is accepted")
		}
		if !w.accepts(t, issue("session-2")) {
			t.Error("a token of a new session is rejected")
		}
		time.Sleep(lifetime + 10*time.Minute - 2*time.Second)
		if w.accepts(t, issue("session-1")) {
			t.Error("the denial has ended too early")
		}
		time.Sleep(time.Second)
		if !w.accepts(t, issue("session-1")) {
			t.Error("the denial has not ended, so the entries would fill the Storage")
		}
	})
}
