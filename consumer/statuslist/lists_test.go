package statuslist_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
)

// Every status is read from the right bits, for each number of bits, and only the accepted ones pass.
func TestEveryBitOfEveryWidth(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1, 2, 4, 8} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, bits, nil)
				most := 1<<bits - 1
				statusOf := func(index int) int { return (index*7 + 3) & most } // neighbors differ
				for index := range 64 {
					w.list.Set(index, byte(statusOf(index)))
				}
				for index := range 64 {
					token, err := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(index)))
					if err != nil {
						t.Fatal(err)
					}
					got, err := w.lists.Lookup(t.Context(), token)
					if err != nil || int(got) != statusOf(index) {
						t.Errorf("index %d: status %v, %v, want %d", index, got, err, statusOf(index))
					}
					active, err := w.lists.Active(t.Context(), token)
					if err != nil || active != (got == statuslist.Valid) {
						t.Errorf("index %d: active %v, %v", index, active, err)
					}
				}
				if n := w.requests(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
			})
		})
	}
}

// The examples of sections 4.1 and 4.2 of the draft, which were not made by this module.
func TestExamplesOfTheDraft(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		bits     int
		lst      string
		statuses []int
	}{
		{1, "eNrbuRgAAhcBXQ", []int{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, "eNo76fITAAPfAgc", []int{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
	} {
		w := newWorld(t, test.bits, nil)
		w.list.Edit(func(token *bearertest.Token) {
			token.Set("status_list", map[string]any{"bits": test.bits, "lst": test.lst})
		})
		for index, want := range test.statuses {
			token, _ := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(index)))
			if got, err := w.lists.Lookup(t.Context(), token); err != nil || int(got) != want {
				t.Errorf("%d bits, index %d: %v, %v, want %d", test.bits, index, got, err, want)
			}
		}
	}
}

// claims returns claims with the given value of the claim status.
func claims(t testing.TB, status any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRevokedTokenIsRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, nil)
	w.list.Set(1, 1)
	w.list.Set(2, 2)
	w.list.Set(3, 3)
	w.expect(t, w.at(0), "")
	for index := 1; index <= 3; index++ {
		w.expect(t, w.at(index), consumer.ReasonRevoked)
	}
}

func TestAlsoActiveAcceptsStatusesOfTheApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, func(cfg *statuslist.Config) { cfg.AlsoActive = []statuslist.Status{3, 0x0b} })
	for status := range 16 {
		w.list.Set(status, byte(status))
	}
	for status := range 16 {
		want := consumer.ReasonRevoked
		if status == 0 || status == 3 || status == 0x0b {
			want = ""
		}
		w.expect(t, w.at(status), want)
	}
}

// A token whose reference is missing or not valid is rejected, and causes no request.
func TestMalformedReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, nil)
	uri := w.list.URL()
	for name, status := range map[string]any{
		"absent":               bearertest.Absent,
		"null":                 nil,
		"string":               "status_list",
		"array":                []any{w.list.Claim(0)},
		"empty":                map[string]any{},
		"other mechanism":      map[string]any{"identifier_list": map[string]any{"id": "1", "uri": uri}},
		"list is null":         map[string]any{"status_list": nil},
		"list is an array":     map[string]any{"status_list": []any{0, uri}},
		"no idx":               map[string]any{"status_list": map[string]any{"uri": uri}},
		"no uri":               map[string]any{"status_list": map[string]any{"idx": 0}},
		"idx null":             reference(nil, uri),
		"idx negative":         reference(-1, uri),
		"idx negative zero":    reference(json.RawMessage("-0"), uri),
		"idx with a fraction":  reference(0.5, uri),
		"idx 2^53":             reference(int64(1)<<53, uri),
		"idx 2^63":             reference(uint64(1)<<63, uri),
		"idx 1e300":            reference(json.RawMessage("1e300"), uri),
		"idx beyond float64":   reference(json.RawMessage("1e999"), uri),
		"idx string":           reference("0", uri),
		"idx bool":             reference(false, uri),
		"idx nested":           reference([]any{0}, uri),
		"uri null":             reference(0, nil),
		"uri empty":            reference(0, ""),
		"uri number":           reference(0, 1),
		"uri nested":           reference(0, []string{uri}),
		"uri too long":         reference(0, uri+"?"+strings.Repeat("x", 2048)),
		"claim too long":       map[string]any{"status_list": map[string]any{"idx": 0, "uri": uri}, "x": strings.Repeat("x", 4096)},
		"variants of a member": map[string]any{"status_list": map[string]any{"idx": 0, "IDX": 1, "uri": uri}},
	} {
		raw := w.token(status)
		if _, err := w.consumer.Verify(t.Context(), raw); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: got %v, want a rejection", name, err)
		}
	}
	if got := w.issuer.Requests(); len(got) != 0 {
		t.Errorf("requests %v, want none", got)
	}
	if n := len(w.lists.Stats().Lists); n != 0 {
		t.Errorf("%d lists in the table, want none", n)
	}
}

func reference(idx, uri any) map[string]any {
	return map[string]any{"status_list": map[string]any{"idx": idx, "uri": uri}}
}

// Integers may be written in any form of JSON, and members that are not known do no harm.
func TestAcceptedReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, nil)
	w.list.Set(20, 1)
	for name, test := range map[string]struct {
		status any
		want   consumer.Reason
	}{
		"exponent":        {reference(json.RawMessage("2e1"), w.list.URL()), consumer.ReasonRevoked},
		"decimal point":   {reference(json.RawMessage("20.0"), w.list.URL()), consumer.ReasonRevoked},
		"the next one":    {reference(21, w.list.URL()), ""},
		"unknown members": {map[string]any{"status_list": map[string]any{"idx": 20, "uri": w.list.URL(), "x": 1}, "y": 2}, consumer.ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			w.expect(t, w.token(test.status), test.want)
		})
	}
}

func TestTokensWithoutAReference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, func(cfg *statuslist.Config) { cfg.InsecureAcceptUnlisted = true })
	w.list.Set(1, 1)
	w.expect(t, w.token(bearertest.Absent), "")
	w.expect(t, w.at(0), "")
	w.expect(t, w.at(1), consumer.ReasonRevoked)
	w.expect(t, w.token(nil), consumer.ReasonRevoked)
	w.expect(t, w.token(map[string]any{"identifier_list": map[string]any{}}), consumer.ReasonRevoked)
}

// An index that the list does not have is rejected (section 8.3 of the draft).
func TestIndexOutOfRange(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.expect(t, w.at(63), "")
		w.expect(t, w.at(64), consumer.ReasonRevoked)
		w.expect(t, w.token(reference(math.MaxInt32, w.list.URL())), consumer.ReasonRevoked)
		w.expect(t, w.token(reference(int64(1)<<53-1, w.list.URL())), consumer.ReasonRevoked)
		if n := w.requests(); n != 1 {
			t.Errorf("%d requests, want 1: the list is not older than the tokens", n)
		}
	})
}

// The list of another issuer is not used for a token, even if the operator has confused the two.
func TestTokenOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, nil)
	other := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test", Audience: audience, Algorithms: []string{"ES256"}})
	c := newConsumer(t, other, w.lists)
	expect(t, c, other.AccessToken().Set("status", w.list.Claim(0)).Sign(), consumer.ReasonStatusUnavailable)
	if n := w.requests(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

// Tokens that are not verified never cause a fetch of a list.
func TestUnverifiedTokensCauseNoFetch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, nil)
	status := w.list.Claim(0)
	token := func() *bearertest.Token { return w.issuer.AccessToken().Set("status", status) }
	flip := func(signature []byte) []byte { signature[0] ^= 1; return signature }
	for name, raw := range map[string]string{
		"forged":         token().EditSignature(flip).Sign(),
		"unsigned":       token().SignWith("none", nil).Sign(),
		"expired":        token().Set("exp", 1).Sign(),
		"other audience": token().Set("aud", "https://other.test").Sign(),
		"other issuer":   token().Set("iss", "https://other.test").Sign(),
		"other type":     token().SetHeader("typ", "statuslist+jwt").Sign(),
	} {
		if _, err := w.consumer.Verify(t.Context(), raw); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v, want a rejection", name, err)
		}
	}
	if n := w.requests(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
	w.expect(t, w.at(0), "") // the test can fail
	if n := w.requests(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// fakeToken is a StatusToken of another package.
type fakeToken struct {
	*consumer.Token
	status any
}

func (f fakeToken) Claim(string) (any, bool) { return f.status, true }

// Tokens of other types have the same result as those of package consumer.
func TestTokensOfOtherTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, nil)
	w.list.Set(1, 1)
	token, _ := consumer.NewToken(w.issuer.URL(), claims(t, nil))
	for name, test := range map[string]struct {
		status any
		want   bool
	}{
		"valid":            {w.list.Claim(0), true},
		"revoked":          {w.list.Claim(1), false},
		"not in JSON":      {func() {}, false},
		"infinite":         {reference(math.Inf(1), w.list.URL()), false},
		"null":             {nil, false},
		"string with JSON": {`{"status_list":{"idx":0}}`, false},
	} {
		got, err := w.lists.Active(t.Context(), fakeToken{token, test.status})
		if err != nil || got != test.want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, test.want)
		}
	}
}

// A request that has ended receives the error of its context, which is not a fault of the list.
func TestCanceledRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, func(cfg *statuslist.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		cfg.Timeout = time.Millisecond
	})
	token, _ := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(0)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.lists.Active(ctx, token); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestStatusNames(t *testing.T) {
	t.Parallel()
	for status, want := range map[statuslist.Status]string{
		statuslist.Valid: "VALID", statuslist.Invalid: "INVALID", statuslist.Suspended: "SUSPENDED", 3: "0x03", 0xab: "0xAB",
	} {
		if got := status.String(); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}
