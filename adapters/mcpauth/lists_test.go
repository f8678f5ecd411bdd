package mcpauth_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
)

// Lists are complete by default, so that clients can step up. ListAllowedOnly limits them to what the token may use. In both
// cases a shared cache must not store them.
func TestLists(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		allowedOnly          bool
		scopes, method       string
		contains, containsNo string
	}{
		"all tools":              {false, "read", "tools/list", "look erase hidden", ""},
		"allowed tools":          {true, "read", "tools/list", "look wait", "erase hidden"},
		"more allowed tools":     {true, "read admin", "tools/list", "look erase", "hidden"},
		"all prompts":            {false, "read", "prompts/list", "greet secret", ""},
		"allowed prompts":        {true, "read", "prompts/list", "greet", "secret"},
		"allowed resources":      {true, "read", "resources/list", "note://public", ""},
		"all templates":          {false, "read", "resources/templates/list", "note://{+path}", ""},
		"allowed templates":      {true, "read", "resources/templates/list", "", "note://{+path}"},
		"allowed templates, met": {true, "read notes", "resources/templates/list", "note://{+path}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, options{config: func(cfg *mcpauth.Config) { stateless(cfg); cfg.ListAllowedOnly = test.allowedOnly }})
			got := k.send(request{token: k.token(test.scopes).Sign(), body: rpc(test.method, "")}).Body.String()
			for want := range strings.FieldsSeq(test.contains) {
				if !strings.Contains(got, quoted(want)) {
					t.Errorf("%s is missing in %s", want, got)
				}
			}
			for unwanted := range strings.FieldsSeq(test.containsNo) {
				if strings.Contains(got, quoted(unwanted)) {
					t.Errorf("%s is in %s", unwanted, got)
				}
			}
			if !strings.Contains(got, `"cacheScope":"private"`) {
				t.Errorf("not private: %s", got)
			}
		})
	}
	k := newKit(t, options{config: stateless})
	if got := k.send(request{token: k.token("read").Sign(), body: rpc("resources/read", `{"uri":"note://public"}`)}).Body.String(); !strings.Contains(got, `"cacheScope":"private"`) {
		t.Errorf("not private: %s", got)
	}
}
