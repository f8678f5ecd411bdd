package consumer_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
)

type payment struct {
	consumer.AuthorizationDetail

	Amount struct {
		Currency string `json:"currency"`
		Value    string `json:"amount"`
	} `json:"instructedAmount"`
}

// withDetails returns a token with this text as its authorization_details.
func withDetails(t testing.TB, text string) *consumer.Token {
	t.Helper()
	token, err := consumer.NewToken(issuerURL, json.RawMessage(`{"sub":"alice","authorization_details":`+text+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// R1: authorization_details is an array of objects with a string type. Elements of other types grant nothing.
// R2: types and actions are compared byte for byte.
func TestR1_R2_HasAuthorizationDetail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		details   string
		actions   []string
		want      bool
		malformed bool
	}{
		"type":                       {details: `[{"type":"payment"}]`, want: true},
		"type and action":            {details: `[{"type":"payment","actions":["read","write"]}]`, actions: []string{"write"}, want: true},
		"all actions":                {details: `[{"type":"payment","actions":["read","write"]}]`, actions: []string{"write", "read"}, want: true},
		"repeated action":            {details: `[{"type":"payment","actions":["read"]}]`, actions: []string{"read", "read"}, want: true},
		"last element":               {details: `[{"type":"a"},{"type":"payment"},{"type":"payment","actions":["read"]}]`, actions: []string{"read"}, want: true},
		"escapes":                    {details: `[{"type":"p\u0061yment","actions":["re\u0061d"]}]`, actions: []string{"read"}, want: true},
		"other members":              {details: `[{"type":"payment","actions":["read"],"locations":7,"amount":{"type":"x"}}]`, actions: []string{"read"}, want: true},
		"null":                       {details: `null`},
		"empty":                      {details: `[]`},
		"unknown type":               {details: `[{"type":"account","actions":["read"]}]`, actions: []string{"read"}},
		"action missing":             {details: `[{"type":"payment","actions":["read"]}]`, actions: []string{"read", "write"}},
		"actions of several":         {details: `[{"type":"payment","actions":["read"]},{"type":"payment","actions":["write"]}]`, actions: []string{"read", "write"}},
		"action of another type":     {details: `[{"type":"payment"},{"type":"account","actions":["read"]}]`, actions: []string{"read"}},
		"no actions":                 {details: `[{"type":"payment"}]`, actions: []string{"read"}},
		"actions are text":           {details: `[{"type":"payment","actions":"read"}]`, actions: []string{"read"}},
		"an action is a number":      {details: `[{"type":"payment","actions":["read",1]}]`, actions: []string{"read"}},
		"actions are null":           {details: `[{"type":"payment","actions":null}]`, actions: []string{"read"}},
		"type differs in case":       {details: `[{"type":"Payment"}]`},
		"type is a prefix":           {details: `[{"type":"pay"},{"type":"payments"}]`},
		"type with a space":          {details: `[{"type":"payment "}]`},
		"action differs in case":     {details: `[{"type":"payment","actions":["Read"]}]`, actions: []string{"read"}},
		"action in another form":     {details: `[{"type":"payment","actions":["cafe\u0301"]}]`, actions: []string{"caf\u00e9"}},
		"type within":                {details: `[{"type":"a","inner":{"type":"payment"}}]`},
		"text":                       {details: `"payment"`, malformed: true},
		"JSON in text":               {details: `"[{\"type\":\"payment\"}]"`, malformed: true},
		"object":                     {details: `{"type":"payment"}`, malformed: true},
		"number":                     {details: `1`, malformed: true},
		"element is text":            {details: `["payment"]`, malformed: true},
		"element is an array":        {details: `[[{"type":"payment"}]]`, malformed: true},
		"element is null":            {details: `[{"type":"payment"},null]`, malformed: true},
		"no type":                    {details: `[{"type":"payment"},{"actions":["read"]}]`, malformed: true},
		"type is a number":           {details: `[{"type":1}]`, malformed: true},
		"type is null":               {details: `[{"type":null}]`, malformed: true},
		"type is empty":              {details: `[{"type":""}]`, malformed: true},
		"type is an array":           {details: `[{"type":["payment"]}]`, malformed: true},
		"name of type has a capital": {details: `[{"Type":"payment"}]`, malformed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := withDetails(t, test.details)
			for range 2 {
				got, err := token.HasAuthorizationDetail("payment", test.actions...)
				if got != test.want || (err != nil) != test.malformed {
					t.Errorf("HasAuthorizationDetail returns %v, %v", got, err)
				}
				list, err := consumer.AuthorizationDetailsAs[map[string]any](token, "payment")
				if (err != nil) != test.malformed || err == nil && test.want && len(list) == 0 {
					t.Errorf("AuthorizationDetailsAs returns %v, %v", list, err)
				}
				if err != nil {
					checkMalformed(t, err)
				}
			}
		})
	}
}

// checkMalformed wants the error for a malformed claim, which does not quote the claim.
func checkMalformed(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*consumer.Error](err)
	if !ok || e.Reason != consumer.ReasonClaims || e.Issuer != issuerURL || !errors.Is(err, consumer.ErrInvalidToken) ||
		!strings.Contains(e.LogDetail(), "authorization_details") || strings.Contains(err.Error(), "payment") {
		t.Errorf("error %v", err)
	}
}

func TestR1_AuthorizationDetailsAs(t *testing.T) {
	t.Parallel()
	token := withDetails(t, `[
		{"type":"account","actions":7},
		{"type":"payment","actions":["initiate"],"locations":["https://a.test"],"datatypes":["x"],"identifier":"1",
			"privileges":["admin"],"instructedAmount":{"currency":"EUR","amount":"123.50"},"new":{}},
		{"type":"payment","ACTIONS":["cancel"]}]`)
	got, err := consumer.AuthorizationDetailsAs[payment](token, "payment")
	if err != nil {
		t.Fatal(err)
	}
	first := payment{AuthorizationDetail: consumer.AuthorizationDetail{
		Type: "payment", Actions: []string{"initiate"}, Locations: []string{"https://a.test"}, DataTypes: []string{"x"},
		Identifier: "1", Privileges: []string{"admin"},
	}}
	first.Amount.Currency, first.Amount.Value = "EUR", "123.50"
	want := []payment{first, {AuthorizationDetail: consumer.AuthorizationDetail{Type: "payment"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got[0].Actions[0] = "admin"
	if ok, err := token.HasAuthorizationDetail("payment", "admin"); ok || err != nil {
		t.Errorf("a change to the result changes the token: %v, %v", ok, err)
	}
	if none, err := consumer.AuthorizationDetailsAs[payment](token, "unknown"); len(none) > 0 || err != nil {
		t.Errorf("elements of an unknown type: %v, %v", none, err)
	}
	list, err := consumer.AuthorizationDetailsAs[consumer.AuthorizationDetail](token, "account")
	if len(list) > 0 || !errors.Is(err, consumer.ErrInvalidToken) {
		t.Errorf("an element that does not fit: %v, %v", list, err)
	}
}

// An error is a copy: a caller that changes it does not change what others receive.
func TestR1_ErrorIsACopy(t *testing.T) {
	t.Parallel()
	token := withDetails(t, `{}`)
	_, err := token.HasAuthorizationDetail("payment")
	changed, _ := errors.AsType[*consumer.Error](err)
	changed.Reason = consumer.ReasonInternal
	_, err = token.HasAuthorizationDetail("payment")
	checkMalformed(t, err)
}

// R1: names in the claim that differ only in case are rejected, as in all claims that the kit reads.
func TestR1_NamesThatDifferInCase(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for _, text := range []string{
		`"authorization_details":[{"type":"payment","Type":"account"}]`,
		`"authorization_details":[{"type":"payment","actions":[],"ACTIONS":["read"]}]`,
		`"authorization_details":[],"Authorization_Details":[{"type":"payment"}]`,
	} {
		reject(t, c, issuer.AccessToken().EditClaims(add(text)).Sign(), consumer.ReasonMalformed)
	}
}

// Requests with the same token read the claim once.
func TestR1_HasAuthorizationDetailAllocatesOnce(t *testing.T) { //nolint:paralleltest // allocations are counted
	token := withDetails(t, `[`+strings.Repeat(`{"type":"account"},`, 100)+`{"type":"payment","actions":["a","b"]}]`)
	actions := []string{"b", "a"}
	if n := testing.AllocsPerRun(100, func() {
		if ok, err := token.HasAuthorizationDetail("payment", actions...); !ok || err != nil {
			t.Error(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzActorAndDetails: no text of act and authorization_details makes a reader panic, and a type or an action that is found
// is in the text.
func FuzzActorAndDetails(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"sub":"s","act":{"iss":"i"}}`, `[{"type":"payment","actions":["read"]}]`},
		{`"s"`, `{"type":"payment"}`},
		{`{"act":{"act":{"act":{}}}}`, `[{"type":"a"},{"type":"payment"}]`},
		{`null`, `[null]`},
		{`{"client_id":null}`, `["payment"]`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, act, details string) {
		claims := json.RawMessage(`{"act":` + act + `,"authorization_details":` + details + `}`)
		token, err := consumer.NewToken(issuerURL, claims)
		if err != nil {
			wantSound(t, token, err)
			return
		}
		var read struct {
			Actor   map[string]any `json:"act"`
			Details any            `json:"authorization_details"`
		}
		if err := json.Unmarshal(claims, &read); err != nil {
			t.Fatalf("act %q is accepted: %v", act, err)
		}
		actor, ok := token.Actor()
		if ok != (read.Actor != nil) || len(actor.Prior) > 15 {
			t.Errorf("act %q: %+v, %v", act, actor, ok)
		}
		if has, err := token.HasAuthorizationDetail("payment", "read"); has && (err != nil || !grants(read.Details)) {
			t.Errorf("authorization_details %q: %v, %v", details, has, err)
		}
	})
}

// grants is a plain reading of RFC 9396 section 2 for the type payment and the action read.
func grants(details any) bool {
	list, _ := details.([]any)
	for _, element := range list {
		object, _ := element.(map[string]any)
		actions, _ := object["actions"].([]any)
		for _, action := range actions {
			if object["type"] == "payment" && action == "read" {
				return true
			}
		}
	}
	return false
}
