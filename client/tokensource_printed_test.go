package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// No value of this package prints a secret: as it is, by value, or inside another value. Each source has got its tokens in
// another way: given, refreshed, rejected, not stored.
func TestTokenSource_Printed(t *testing.T) {
	t.Parallel()
	files, _ := fileTokens(t)
	memory, base := client.NewMemoryTokens(), says(200, "")
	var printed, shown []any // fmt goes by what a type says only where it can see it; a Token is as it is
	for _, token := range []string{"given", "refreshed"} {
		lifetime := map[string]time.Duration{"given": time.Hour, "refreshed": -time.Hour}[token]
		for _, s := range []*rotating{{mark: mark}, {mark: mark, revoked: true}} {
			for _, store := range []client.TokenStore{nil, files, memory, &shelf{TokenStore: memory, saveErr: errors.New("full")}} {
				cfg := client.TokenSourceConfig{Token: marked(lifetime), Store: store, Key: "k"}
				source := sourceOf(t, s.client(t), cfg)
				_, err := source.TokenContext(t.Context())
				transport := transportOf(t, source, base, "https://api.test")
				calls := callsOf(t, source, "https://api.test")
				shown = append(shown, cfg, &cfg)
				printed = append(printed, source, store, transport, *transport, calls, *calls, err)
			}
		}
	}
	printed = append(printed, memory, files, *files)
	var log bytes.Buffer
	loggers := []*slog.Logger{slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))}
	for _, value := range printed {
		for _, logger := range loggers {
			logger.LogAttrs(context.Background(), slog.LevelInfo, "x", slog.Any("v", value))
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			noSecret(t, verb, fmt.Sprintf(verb, value)+fmt.Sprintf(verb, struct{ hidden any }{value}))
			shown = append(shown, value)
		}
	}
	noSecret(t, "slog", log.String())
	for _, value := range shown {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			noSecret(t, verb, fmt.Sprintf(verb, value)+fmt.Sprintf(verb, struct{ Shown any }{value}))
			noSecret(t, verb, fmt.Sprintf(verb, []any{&value})+fmt.Sprintf(verb, map[string]any{"key": value}))
		}
	}
	type app struct {
		source *client.TokenSource
		tokens *client.MemoryTokens
		api    client.Transport
		calls  client.RPCCredentials
	}
	source := sourceOf(t, (&rotating{mark: mark}).client(t), client.TokenSourceConfig{Token: marked(time.Hour)})
	a := app{source, memory, *transportOf(t, source, base, "https://api.test"), *callsOf(t, source, "https://api.test")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		noSecret(t, verb, fmt.Sprintf(verb, a)+fmt.Sprintf(verb, &a))
	}
}

// mark precedes the tokens of TestTokenSource_Printed. Its hexadecimal digits are too many to occur in a pointer, which some
// verbs print too.
const mark = "secret-secret-"

func marked(lifetime time.Duration) *client.Token {
	token := first(lifetime)
	token.AccessToken, token.RefreshToken = mark+token.AccessToken, mark+token.RefreshToken
	return token
}

func noSecret(t *testing.T, how, text string) {
	t.Helper()
	for _, secret := range []string{mark, fmt.Sprintf("%x", mark), "s e/c"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s has %s: %.300s", how, secret, text)
		}
	}
}
