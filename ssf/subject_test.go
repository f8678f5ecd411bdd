package ssf_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/ssf"
)

// All formats of RFC 9493 section 3.2 and SSF section 3 are read, and written again as they were.
func TestSubject_Formats(t *testing.T) {
	t.Parallel()
	var received ssf.Subject
	w := newWorld(t, func(c *ssf.Config) {
		c.OnEvent = func(_ context.Context, e ssf.Event) error { received = e.Subject; return nil }
	})
	user := ssf.Subject{Format: "email", ID: "u@example.com"}
	tests := []struct {
		text string
		want ssf.Subject
	}{
		{`{"format":"iss_sub","iss":"https://i.test","sub":"u"}`, ssf.Subject{Format: "iss_sub", Issuer: "https://i.test", ID: "u"}},
		{`{"format":"opaque","id":"u"}`, ssf.OpaqueSubject("u")},
		{`{"email":"u@example.com","format":"email"}`, user},
		{`{"format":"phone_number","phone_number":"+1 206 555 0100"}`, ssf.Subject{Format: "phone_number", ID: "+1 206 555 0100"}},
		{`{"format":"account","uri":"acct:u@example.com"}`, ssf.Subject{Format: "account", ID: "acct:u@example.com"}},
		{`{"format":"uri","uri":"urn:u"}`, ssf.Subject{Format: "uri", ID: "urn:u"}},
		{`{"format":"did","url":"did:example:1"}`, ssf.Subject{Format: "did", ID: "did:example:1"}},
		{`{"format":"jwt_id","iss":"https://i.test","jti":"j"}`, ssf.Subject{Format: "jwt_id", Issuer: "https://i.test", ID: "j"}},
		{`{"assertion_id":"a","format":"saml_assertion_id","issuer":"https://i.test"}`, ssf.Subject{Format: "saml_assertion_id", Issuer: "https://i.test", ID: "a"}},
		{
			`{"format":"aliases","identifiers":[{"email":"u@example.com","format":"email"},{"format":"opaque","id":"u"}]}`,
			ssf.Subject{Format: "aliases", Aliases: []ssf.Subject{user, ssf.OpaqueSubject("u")}},
		},
		{
			`{"format":"complex","tenant":{"format":"opaque","id":"t"},"user":{"email":"u@example.com","format":"email"}}`,
			ssf.ComplexSubject(map[string]ssf.Subject{"user": user, "tenant": ssf.OpaqueSubject("t")}),
		},
		{`{"format":"ip-addresses","ip-addresses":["10.29.37.75"]}`, ssf.Subject{Format: "ip-addresses"}},
		{`{"format":"catalog_item","catalog_id":"c0384"}`, ssf.Subject{Format: "catalog_item"}},
	}
	for i, tt := range tests {
		w.receive(t, w.set("https://example.com/event", json.RawMessage(tt.text), nil).Set("jti", fmt.Sprint(i)))
		if diff := cmp.Diff(tt.want, received, cmpopts.IgnoreUnexported(ssf.Subject{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
		if text, err := json.Marshal(received); err != nil || string(text) != tt.text {
			t.Errorf("%s is written as %s, %v", tt.text, text, err)
		}
		text, err := json.Marshal(tt.want)
		if other := tt.want.ID == "" && tt.want.Members == nil && tt.want.Aliases == nil; other != (err != nil) || !other && string(text) != tt.text {
			t.Errorf("%v is written as %s, %v, want %s", tt.want, text, err, tt.text)
		}
		var members map[string]any
		if err := received.Decode(&members); err != nil || members["format"] != tt.want.Format {
			t.Errorf("%s: Decode: %v, %v", tt.text, members, err)
		}
	}
	if err := (ssf.Subject{}).Decode(new(any)); err == nil {
		t.Error("the zero Subject was decoded")
	}
}
