package consumer_test

import (
	"encoding/json"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
)

// decodings counts how often a counted was decoded.
var decodings atomic.Int64

type counted struct{ Text string }

func (c *counted) UnmarshalJSON(data []byte) error {
	decodings.Add(1)
	return json.Unmarshal(data, &c.Text)
}

type countedClaims struct {
	Subject counted `json:"sub"`
}

func TestClaimsAsDecodesOncePerToken(t *testing.T) { //nolint:paralleltest // decodings is shared
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	decodings.Store(0)
	raw := issuer.AccessToken().Sign()
	for range 5 {
		claims, err := consumer.ClaimsAs[countedClaims](accept(t, c, raw))
		if err != nil || claims.Subject.Text != "alice" {
			t.Fatalf("claims %+v, %v", claims, err)
		}
	}
	if n := decodings.Load(); n != 1 {
		t.Errorf("decoded %d times, want once", n)
	}
	if _, err := consumer.ClaimsAs[*countedClaims](accept(t, c, raw)); err != nil || decodings.Load() != 2 {
		t.Errorf("decoded %d times for another type, error %v", decodings.Load(), err)
	}
	if _, err := consumer.ClaimsAs[countedClaims](accept(t, c, issuer.AccessToken().Sign())); err != nil || decodings.Load() != 3 {
		t.Errorf("decoded %d times for another token, error %v", decodings.Load(), err)
	}
}

type profile struct {
	Subject string            `json:"sub"`
	Roles   []string          `json:"roles"`
	Groups  map[string][]int  `json:"groups"`
	Address *address          `json:"address"`
	Pair    [2]*address       `json:"pair"`
	Since   time.Time         `json:"since"`
	Raw     json.RawMessage   `json:"raw"`
	Nothing *address          `json:"nothing"`
	Empty   []string          `json:"empty"`
	Absent  map[string]string `json:"absent"`
}

type address struct {
	City string `json:"city"`
}

func profileClaims() map[string]any {
	return map[string]any{
		"roles": []string{"reader"}, "groups": map[string]any{"a": []int{1, 2}}, "address": address{"A"},
		"pair": []address{{"B"}, {"C"}}, "since": "2020-01-02T03:04:05Z", "raw": json.RawMessage(`{"x":1}`),
		"nothing": nil, "empty": []string{},
	}
}

// What one request does to its claims, no other request sees.
func TestClaimsAsReturnsCopies(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	draft := issuer.AccessToken()
	for name, value := range profileClaims() {
		draft.Set(name, value)
	}
	token := accept(t, c, draft.Sign())
	want := profile{
		Subject: "alice", Roles: []string{"reader"}, Groups: map[string][]int{"a": {1, 2}}, Address: &address{"A"},
		Pair: [2]*address{{"B"}, {"C"}}, Since: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
		Raw: json.RawMessage(`{"x":1}`), Empty: []string{},
	}
	for round := range 3 {
		claims, err := consumer.ClaimsAs[profile](token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Fatalf("round %d (-want +got):\n%s", round, diff)
		}
		claims.Roles[0], claims.Groups["a"][0], claims.Groups["b"] = "admin", 7, nil
		claims.Address.City, claims.Pair[1].City, claims.Raw[1] = "changed", "changed", '!'
		_ = append(claims.Empty, "more")
	}
	pointer, err := consumer.ClaimsAs[*profile](token)
	if err != nil {
		t.Fatal(err)
	}
	pointer.Roles[0] = "admin"
	again, err := consumer.ClaimsAs[*profile](token)
	if err != nil || again == pointer || again.Roles[0] != "reader" {
		t.Errorf("a pointer is shared: %+v, %v", again, err)
	}
}

type holdsAny struct {
	Any any `json:"groups"`
}

type holdsHidden struct {
	Groups []int `json:"groups"`
	hidden []int
}

type node struct {
	Next *node  `json:"address"`
	City string `json:"city"`
}

// What cannot be copied is decoded anew each time.
func TestClaimsAsOfTypesThatCannotBeCopied(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	token := accept(t, c, issuer.AccessToken().Set("groups", []int{1}).Set("address", address{"A"}).Sign())
	for range 2 {
		hidden, err := consumer.ClaimsAs[holdsHidden](token)
		if err != nil || len(hidden.hidden) != 0 || hidden.Groups[0] != 1 {
			t.Fatalf("unexported field %+v, %v", hidden, err)
		}
		hidden.Groups[0] = 2
		held, err := consumer.ClaimsAs[holdsAny](token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(any([]any{1.0}), held.Any); diff != "" {
			t.Errorf("interface (-want +got):\n%s", diff)
		}
		elements, _ := held.Any.([]any)
		elements[0] = "changed"

		byMap, err := consumer.ClaimsAs[map[string]any](token)
		if err != nil || byMap["sub"] != "alice" {
			t.Errorf("map %v, %v", byMap, err)
		}
		byMap["sub"] = "mallory"
		byInterface, err := consumer.ClaimsAs[any](token)
		if members, _ := byInterface.(map[string]any); err != nil || members["sub"] != "alice" {
			t.Errorf("interface %v, %v", byInterface, err)
		}
		list, err := consumer.ClaimsAs[node](token)
		if err != nil || list.Next == nil || list.Next.City != "A" {
			t.Fatalf("list %+v, %v", list, err)
		}
		list.Next.City = "changed"
		number, err := consumer.ClaimsAs[struct {
			IssuedAt big.Int `json:"iat"`
		}](token)
		if err != nil || number.IssuedAt.Int64() != token.IssuedAt().Unix() {
			t.Errorf("number %v, %v", number.IssuedAt.String(), err)
		}
		number.IssuedAt.SetInt64(0)
	}
}

func TestClaimsAsErrors(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().Sign())
	for range 2 {
		claims, err := consumer.ClaimsAs[struct {
			Client  string `json:"client_id"`
			Subject int    `json:"sub"`
		}](token)
		if err == nil || claims.Client != "" {
			t.Errorf("half-decoded claims %+v, %v", claims, err)
		}
	}
}

func TestT4_Attack11_ClaimsAsIsByteExact(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().Set("ROLES", []string{"admin"}).Sign())
	for range 2 {
		if claims, err := consumer.ClaimsAs[profile](token); err != nil || claims.Roles != nil {
			t.Errorf("claims %+v, %v", claims, err)
		}
	}
}

func TestClaimsAsConcurrently(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().Set("roles", []string{"reader"}).Sign())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				claims, err := consumer.ClaimsAs[profile](token)
				if err != nil || claims.Roles[0] != "reader" {
					t.Errorf("claims %+v, %v", claims, err)
					return
				}
				claims.Roles[0] = "admin"
			}
		})
	}
	group.Wait()
}
