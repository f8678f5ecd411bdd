package loopback

import (
	"slices"
	"strings"
	"testing"
)

func TestC32_BrowserCommand(t *testing.T) {
	t.Parallel()
	const address = "https://login.test/auth?a=b&c=%24%28d%29"
	for name, test := range map[string]struct {
		system string
		env    map[string]string
		want   []string
	}{
		"macOS":            {"darwin", nil, []string{"/usr/bin/open", address}},
		"Windows":          {"windows", map[string]string{"SystemRoot": "root"}, []string{"root/System32/rundll32.exe", "url.dll,FileProtocolHandler", address}},
		"Windows, unknown": {"windows", nil, nil},
		"Linux":            {"linux", map[string]string{"DISPLAY": ":0"}, []string{"xdg-open", address}},
		"Wayland":          {"linux", map[string]string{"WAYLAND_DISPLAY": "w"}, []string{"xdg-open", address}},
		"its own":          {"freebsd", map[string]string{"BROWSER": "b"}, []string{"xdg-open", address}},
		"headless":         {"linux", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := browserCommand(test.system, func(name string) string { return test.env[name] }, address)
			if len(got) > 0 {
				got[0] = strings.ReplaceAll(got[0], `\`, "/")
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, expected %q", got, test.want)
			}
		})
	}
}

func TestC32_Browsable(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://a.test/b?c=%20d&e=f;g=h'":    "https://a.test/b?c=%20d&e=f;g=h'",
		"https://a.test/\"&calc `x`|<y>\\^{}": "https://a.test/%22&calc%20%60x%60%7C%3Cy%3E%5C%5E%7B%7D",
		"https://a.test/\u202eé":              "https://a.test/%E2%80%AE%C3%A9",
		"file:///bin/sh":                      "",
		"javascript:alert(1)":                 "",
		"ms-settings://x":                     "",
		"--version":                           "",
		"https:///x":                          "",
		"https://login.test@evil.test/":       "",
		"https://a.test/\x1b[2J":              "",
		"":                                    "",
	} {
		got, err := browsable(address)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", address, got, err)
		}
	}
}

func TestC32_Printable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"WDJB-MJHT \u00e9": "WDJB-MJHT \u00e9", "\a\x1b]0;x": `\a\x1b]0;x`, "A\u009b2J": `A\u009b2J`, "A\u202eB": `A\u202eB`, "\xff": "\ufffd",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
