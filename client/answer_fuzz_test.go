package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

const sentToken = "5ecret-sent-0123456789" // the refresh token that the fuzz target sends

// hooks are functions for Config.ReadResponse: good ones and bad ones.
func hooks() []func(client.TokenResponse) (client.TokenResponse, error) {
	return []func(client.TokenResponse) (client.TokenResponse, error){
		nil,
		func(r client.TokenResponse) (client.TokenResponse, error) { return r, nil },
		func(r client.TokenResponse) (client.TokenResponse, error) {
			return r, fmt.Errorf("bad response: %s", r.Body)
		},
		func(r client.TokenResponse) (client.TokenResponse, error) { panic(string(r.Body)) },
		func(r client.TokenResponse) (client.TokenResponse, error) {
			var outer struct {
				User json.RawMessage `json:"authed_user"`
			}
			if json.Unmarshal(r.Body, &outer) == nil && outer.User != nil {
				r.Body = outer.User
			}
			return r, nil
		},
	}
}

// Each response causes a token or an error, and no panic. A token in it is never lost: it is in the Token, or in the error
// together with the whole body. Error texts are short, and contain neither a token nor what was sent.
func FuzzTokenResponse(f *testing.F) {
	f.Add(200, "application/json", good, byte(0))
	f.Fuzz(func(t *testing.T, status int, mediaType, body string, hook byte) {
		if status < 200 || status > 599 || strings.Contains(mediaType, "5ecret") {
			return
		}
		read := hooks()[int(hook)%len(hooks())]
		c := newClient(t, responds(status, mediaType, body), func(cfg *client.Config) { cfg.ReadResponse = read })
		token, err := c.Refresh(t.Context(), sentToken)
		if (token == nil) == (err == nil) {
			t.Fatalf("got %v, %v", token, err)
		}
		if len(c.Quirks()) > 20 {
			t.Fatalf("quirks: %v", c.Quirks())
		}
		if token != nil {
			if status/100 != 2 || token.AccessToken == "" || token.TokenType != "Bearer" || token.ExpiresIn() < -time.Minute || token.RefreshToken == "" {
				t.Fatalf("got %#v of %q", token.OAuth2(), body)
			}
			checkStored(t, token)
			return
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
			if len(text) > 4000 {
				t.Fatalf("%d bytes in %q", len(text), text)
			}
			for _, secret := range append(tokensIn(body), sentToken) {
				if strings.Contains(text, secret) {
					t.Fatalf("%q in %q", secret, text)
				}
			}
		}
		checkComplete(t, status, body, read == nil, err)
	})
}

// tokensIn returns the tokens in a response.
func tokensIn(body string) (tokens []string) {
	var members map[string]any
	_ = json.NewDecoder(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).Decode(&members)
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if token, _ := members[name].(string); strings.HasPrefix(token, "5ecret-") {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// checkStored checks that a token can be stored, and that the result is bounded.
func checkStored(t *testing.T, token *client.Token) {
	t.Helper()
	text, err := json.Marshal(token)
	var again client.Token
	if err != nil || json.Unmarshal(text, &again) != nil || again.AccessToken != token.AccessToken || again.RefreshToken != token.RefreshToken {
		t.Fatalf("stored as %s, %v", text, err)
	}
}

// checkComplete checks that err has the response. In a response of 2xx that is a JSON object with an access token, unchanged
// reports whether it has to be in an IncompleteError.
func checkComplete(t *testing.T, status int, body string, unchanged bool, err error) {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != status && unchanged || !strings.HasPrefix(body, string(e.Body)) {
		t.Fatalf("%v has no response", err)
	}
	isPage := strings.HasPrefix(strings.TrimLeft(body, "\ufeff \t\r\n"), "<")
	if status/100 != 2 || isPage {
		return
	}
	if string(e.Body) != body {
		t.Fatalf("the error has %q of %q", e.Body, body)
	}
	var there map[string]json.RawMessage
	var access string
	loose := json.NewDecoder(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	if !unchanged || loose.Decode(&there) != nil || json.Unmarshal(there["access_token"], &access) != nil || access == "" {
		return
	}
	if late, incomplete := errors.AsType[*client.IncompleteError](err); !incomplete || late.Token.AccessToken == "" || late.Token.RefreshToken == "" {
		t.Fatalf("lost: %q, %v", body, err)
	}
}
