package introspection_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/bearerkit/bearerkit/consumer/introspection"
)

// FuzzResponse checks that no response of a server causes a panic, and that a token is only accepted if the response, as
// encoding/json reads it, describes an active access token for this API.
func FuzzResponse(f *testing.F) {
	for _, body := range []string{
		active(), inactive, `{}`, `{"active":"true","aud":"` + audience + `"}`, `{"active":true}`, `[true]`, "\uFEFF" + active(),
		`{"active":true,"aud":["x","` + audience + `"]}`, `{"active":true,"active":false,"aud":"` + audience + `"}`,
		`{"ACTIVE":true,"aud":"` + audience + `"}`, active("error", "x"), active("token_type", "N_A"), active("token_type", 1),
		active("exp", 1), active("exp", 1e300), active("exp", "1"), active("nbf", 1e12), active("iss", "x"), active("iss", nil),
		active("cnf", map[string]any{"jkt": "x"}), active("cnf", map[string]any{}), active("token_type", "DPoP"),
		active("token_use", "refresh_token"), active("scope", []string{"a"}), active("token_introspection", map[string]any{"active": true}),
		"active=true&aud=" + url.QueryEscape(audience),
	} {
		for _, mediaType := range []string{"application/json", "text/plain", "application/token-introspection+jwt", ""} {
			f.Add(200, mediaType, body)
		}
	}
	f.Add(401, "application/json", `{"error":"invalid_client"}`)
	f.Add(503, "text/html", `<html>`)
	f.Add(204, "application/json", ``)
	f.Fuzz(func(t *testing.T, status int, mediaType, body string) {
		if status == 0 {
			return // it means that there is no response
		}
		s := new(server)
		s.setFunc(func(*http.Request, url.Values) (int, http.Header, string) {
			return status, http.Header{"Content-Type": {mediaType}}, body
		})
		v := newVerifier(t, s, func(cfg *introspection.Config) { cfg.InactiveFor = -1 })
		token, err := v.Verify(t.Context(), opaque)
		if (token == nil) == (err == nil) {
			t.Fatalf("token %v with error %v", token, err)
		}
		if err != nil {
			reasonOf(t, err)
			return
		}
		var got struct {
			Active    any             `json:"active"`
			Audience  json.RawMessage `json:"aud"`
			Issuer    *string         `json:"iss"`
			TokenType any             `json:"token_type"`
		}
		if err := json.Unmarshal([]byte(trimMark(body)), &got); err != nil {
			t.Fatalf("accepted, although it is not JSON: %v", err)
		}
		var list []string
		var one string
		if json.Unmarshal(got.Audience, &one) == nil {
			list = []string{one}
		} else if err := json.Unmarshal(got.Audience, &list); err != nil {
			t.Fatalf("accepted with aud %s", got.Audience)
		}
		if got.Active != true || status/100 != 2 || !slices.Contains(list, audience) || got.Issuer != nil && *got.Issuer != issuerURL {
			t.Errorf("accepted: status %d, %s", status, body)
		}
		if !slices.Contains(token.Audience(), audience) || token.Issuer() != issuerURL {
			t.Errorf("accepted as %v", token)
		}
	})
}

// trimMark removes a byte order mark, which the client accepts.
func trimMark(body string) string {
	const mark = "\uFEFF"
	if len(body) >= len(mark) && body[:len(mark)] == mark {
		return body[len(mark):]
	}
	return body
}
