package main

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/interop/observability"
)

const folder = "../../../docs/observability/"

// TestDraw checks that the SVG file is valid XML and has a line or an area for every series.
func TestDraw(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "dashboard.svg")
	if err := draw(t.Context(), folder+"dashboard.json", out, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	picture := read(t, out)
	for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf\"") {
		t.Error("the SVG file contains NaN or Inf")
	}
	patches := strings.Count(picture, `height="4" rx="1"`)
	if drawn := strings.Count(picture, `class="line"`) + strings.Count(picture, "fill-opacity=\"0.85\""); drawn < 40 || drawn != patches {
		t.Errorf("the SVG file has %d series and %d legend entries", drawn, patches)
	}
}

// TestPictureIsOfThisDashboard checks that the SVG file was drawn from the current dashboard.
func TestPictureIsOfThisDashboard(t *testing.T) {
	t.Parallel()
	dashboard, err := observability.ReadDashboard(folder + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	picture := read(t, folder+"dashboard.svg")
	for _, panel := range dashboard.Panels {
		if !strings.Contains(picture, ">"+html.EscapeString(panel.Title)+"</text>") {
			t.Errorf("dashboard.svg has no panel %q: run make dashboard", panel.Title)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0, "s", "0 s"},
		{1e-6, "s", "1 µs"},
		{0.0025, "s", "2.5 ms"},
		{1, "s", "1 s"},
		{0.75, "percentunit", "75 %"},
		{200, "reqps", "200 req/s"},
		{0.5, "ops", "0.5 /s"},
		{3, "short", "3"},
	} {
		if got := format(test.value, test.unit); got != test.want {
			t.Errorf("format(%v, %q) = %q, want %q", test.value, test.unit, got, test.want)
		}
	}
}

func TestNice(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]float64{0.9: 1, 1: 1, 1.1: 2, 2.2: 2.5, 3: 5, 7: 10, 150: 200} {
		if got := nice(value); got != want {
			t.Errorf("nice(%v) = %v, want %v", value, got, want)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
