package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"issuer=http://127.0.0.1:35481 rule", "issuer=http://127.0.0.1:8081 rule"},
		{"exp 2027-01-02T03:04:05Z has passed at 2027-01-02T03:04:05.678Z", "exp 2026-11-30T12:00:00Z has passed at 2026-11-30T12:00:00Z"},
		{"(± 12.5ms)", "(± 1ms)"},
		{"Config.ClockSkew 10s, status 401", "Config.ClockSkew 10s, status 401"},
	} {
		if got := mask(test.text); got != test.want {
			t.Errorf("mask(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func TestSVGShowsTheText(t *testing.T) {
	t.Parallel()
	long := "    detail=\"" + strings.Repeat("word ", 40) + "end\""
	text := "$ bearerkit doctor <&>\n✗ 401 is rejected → change it\n\n" + long + "\n" + strings.Repeat("x", maxColumns+10) + "\n"
	picture := svg(text)
	if picture != svg(text) {
		t.Error("two pictures of one text differ")
	}
	shown := textOf(t, picture)
	for _, want := range []string{"$ bearerkit doctor <&>\n", "✗ 401 is rejected → change it\n", "end\"\n", "\n      word"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the picture does not show %q:\n%s", want, shown)
		}
	}
	letters := func(s string) string { return strings.Join(strings.Fields(s), "") }
	if letters(shown) != letters(text) {
		t.Errorf("the picture shows\n%s\nwant\n%s", shown, text)
	}
	for line := range strings.Lines(shown) {
		if len([]rune(line)) > maxColumns+1 {
			t.Errorf("a line is longer than %d columns: %s", maxColumns, line)
		}
	}
}

// textOf returns the lines of a picture.
func textOf(t *testing.T, picture string) string {
	t.Helper()
	var b strings.Builder
	decoder, inText := xml.NewDecoder(strings.NewReader(picture)), false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		switch element := token.(type) {
		case xml.StartElement:
			inText = inText || element.Name.Local == "text"
		case xml.EndElement:
			if element.Name.Local == "text" {
				b.WriteString("\n")
				inText = false
			}
		case xml.CharData:
			if inText {
				b.Write(element)
			}
		}
	}
}

// TestPicturesAreSmall checks the committed pictures.
func TestPicturesAreSmall(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tour.svg", "doctor.svg"} {
		picture, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(textOf(t, string(picture)), "\n"); lines < 20 || len(picture) > 60_000 {
			t.Errorf("%s has %d lines and %d bytes, want at least 20 lines and at most 60000 bytes", name, lines, len(picture))
		}
	}
}
