package registry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

// wrapper is a type with the secret in an unexported field, whose methods package fmt does not call.
type wrapper struct {
	hidden  any
	Visible any
}

// Packages fmt, log/slog and encoding/json never show a secret.
func TestH6_SecretIsNotShown(t *testing.T) {
	t.Parallel()
	const text = "correct horse battery staple"
	secret := registry.NewSecret(text)
	holders := map[string]any{
		"Secret":     secret,
		"pointer":    &secret,
		"Registered": registry.Registered{Secret: secret},
		"Updated":    registry.Updated{Secret: secret, NewSecret: true},
		"Patch":      registry.Patch{Secret: secret},
		"Imported":   registry.Imported{SecretHash: secret},
		"Config":     registry.Config{Pepper: secret},
		"slice":      []registry.Secret{secret},
		"map":        map[string]registry.Secret{"x": secret},
	}
	for name, holder := range holders {
		for _, v := range []any{holder, wrapper{holder, holder}, &wrapper{holder, holder}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%e", "%c", "%U"} {
				wantHidden(t, name+" by "+verb, fmt.Sprintf(verb, v), text)
			}
			for handler, shown := range logs(v) {
				wantHidden(t, name+" by "+handler, shown, text)
			}
			if encoded, err := json.Marshal(v); err == nil {
				wantHidden(t, name+" as JSON", string(encoded), text)
			}
		}
	}
}

func logs(v any) map[string]string {
	var text, doc bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", slog.Any("v", v))
	slog.New(slog.NewJSONHandler(&doc, nil)).Info("x", slog.Any("v", v))
	return map[string]string{"the text log": text.String(), "the JSON log": doc.String()}
}

func wantHidden(t *testing.T, what, shown, secret string) {
	t.Helper()
	for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%d", []byte(secret)), "horse"} {
		if strings.Contains(shown, form) {
			t.Errorf("%s: %s", what, shown)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	s := registry.NewSecret("x")
	if s.Reveal() != "x" || s.IsZero() || s.String() != "[redacted]" || fmt.Sprintf("%d", s) != "[redacted]" ||
		s.LogValue().String() != "[redacted]" {
		t.Errorf("%v", s)
	}
	for _, none := range []registry.Secret{{}, registry.NewSecret("")} {
		if !none.IsZero() || none.Reveal() != "" || none.String() != "" {
			t.Errorf("no secret is %q", none.Reveal())
		}
	}
	if text, err := json.Marshal(s); string(text) != `"[redacted]"` || err != nil {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}

// Errors, records, hooks and the registry do not contain a secret in plain text. Clients do not contain a hash.
func TestH8_SecretIsNotStored(t *testing.T) {
	t.Parallel()
	memory := store.NewClients()
	k := newKit(t, registry.Config{Store: memory})
	reg := k.create(registry.NewClient{})
	id, secret := reg.Client.ID, reg.Secret.Reveal()
	k.wantIn(id, secret)
	k.wantOut(id, secret+"x")
	_, err := k.Update(t.Context(), id, registry.Patch{Secret: registry.NewSecret(secret + "\n")})
	for what, v := range map[string]any{
		"store": memory, "registry": k.Registry, "hook": k.told, "error": err, "client": reg.Client, "record": k.data(id),
	} {
		wantHidden(t, what, fmt.Sprintf("%+v %#v", v, v), secret)
	}
	hash := fmt.Sprintf("%+v %#v", k.get(id), k.get(id))
	if strings.Contains(hash, "pbkdf2") {
		t.Errorf("the client has a hash: %s", hash)
	}
	if shown := logs(reg.Client)["the JSON log"]; !strings.Contains(shown, id) || strings.Contains(shown, "Secrets") {
		t.Errorf("the client is logged as %s", shown)
	}
}
