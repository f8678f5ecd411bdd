package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// A Verifier of the application, for API keys or introspection, makes its tokens with NewToken. Its rules work like those
// for the tokens of a Consumer, and no other Token grants access.
func TestCaseQ4_CustomVerifier(t *testing.T) {
	t.Parallel()
	made := func(claims string) func() (*consumer.Token, error) {
		return func() (*consumer.Token, error) {
			return consumer.NewToken("https://keys.test", json.RawMessage(claims))
		}
	}
	failed := func(err error) func() (*consumer.Token, error) {
		return func() (*consumer.Token, error) { return nil, err }
	}
	key := made(`{"sub":"alice","scope":"read","roles":["clerk"],"groups":{"x.y":{"roles":["admin"]}}}`)
	tests := []struct {
		name   string
		verify func() (*consumer.Token, error)
		rules  []middleware.Rule
		want   answer
	}{
		{"API key", key, nil, passed},
		{"scope", key, []middleware.Rule{middleware.Scopes("read")}, passed},
		{"scope missing", key, []middleware.Rule{middleware.Scopes("write")}, insufficientScope("write")},
		{"role", key, []middleware.Rule{middleware.RolePath([]string{"groups", "x.y", "roles"}, "admin")}, passed},
		{"role missing", key, []middleware.Rule{middleware.Role("roles", "admin")}, forbidden("roles")},
		{"client without a subject", made(`{"client_id":"app","scope":"read"}`), []middleware.Rule{middleware.Scopes("read")}, anonymousClient},

		{"bound to a key", made(`{"sub":"alice","cnf":{"jkt":"x"}}`), nil, invalidToken(consumer.ReasonBinding)},
		{"unknown key", failed(fmt.Errorf("%w: unknown", consumer.ErrInvalidToken)), nil, invalidToken(consumer.ReasonInactive)},
		{"database is down", failed(fmt.Errorf("%w: down", consumer.ErrUnavailable)), nil, unavailable(consumer.ReasonInternal, "")},
		{"any other error", failed(errors.New("fault")), nil, internal("")},
		{"claims of the wrong form", made(`{"sub":1}`), nil, invalidToken(consumer.ReasonClaims)},
		{"zero Token", func() (*consumer.Token, error) { return &consumer.Token{}, nil }, nil, internal("")},
		{"zero Token and a rule", func() (*consumer.Token, error) { return new(consumer.Token), nil }, []middleware.Rule{yes}, internal("")},
		{"a nil *consumer.Error", failed((*consumer.Error)(nil)), nil, internal("")},
		{"a nil *consumer.Error inside", failed(fmt.Errorf("fault: %w", (*consumer.Error)(nil))), nil, internal("")},
		{"a nil *Refusal", failed((*middleware.Refusal)(nil)), nil, internal("")},
		{"a nil *Refusal in Check", key, []middleware.Rule{middleware.Check("own", returnsNil)}, internal("own")},
		{"a nil *Refusal in Any", key, []middleware.Rule{middleware.Any(middleware.Check("own", returnsNil))}, internal("any of own")},
		{"nothing", failed(nil), nil, internal("")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := middleware.Config{Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) { return test.verify() })}
			got := observed(t, cfg, test.rules, request(t, "key-7"))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// returnsNil makes a common mistake: it returns a nil pointer as an error, which is not nil.
func returnsNil(context.Context, *consumer.Token) error {
	var refusal *middleware.Refusal
	return refusal
}

// anonymousClient is the response to a client that acts for itself: hello finds no subject.
var anonymousClient = func() answer { a := passed; a.Body = "hello "; return a }()
