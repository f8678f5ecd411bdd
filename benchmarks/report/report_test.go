package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fixture = "testdata/two-passes.txt"

func TestRatio(t *testing.T) {
	t.Parallel()
	r := parsed(t)
	for name, want := range map[string]float64{
		"Verify/alg=RS256/lib=bearerkit/path=cold-2":   1.15, // of 1.10 and 1.20, not of the medians
		"Verify/alg=ES256/lib=bearerkit/path=cold-2":   1.1,
		"Verify/alg=RS256/lib=bearerkit/path=issuer-2": 0.0375, // no bare check on that path
		"Handler/alg=RS256/lib=bearerkit/path=hot-2":   0.02125,
		"Keys/alg=ES256/lib=bearerkit/keys=10-2":       1.2,
	} {
		if got := r.ratio(r.byName[name]); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestRatioWithoutBare(t *testing.T) {
	t.Parallel()
	r, err := parse(strings.NewReader("BenchmarkVerify/alg=RS256/lib=a/path=cold 1 5 ns/op\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.cell(r.series[0]); got != "5 ns, –, 0" {
		t.Errorf("cell %q", got)
	}
}

// A run on several numbers of processors compares each with the bare check on as many.
func TestProcessors(t *testing.T) {
	t.Parallel()
	r, err := parse(strings.NewReader("BenchmarkVerify/alg=RS256/lib=bare/path=cold 1 10 ns/op\n" +
		"BenchmarkVerify/alg=RS256/lib=bare/path=cold-2 1 5 ns/op\n" +
		"BenchmarkVerify/alg=RS256/lib=jwx-v3/path=cold 1 20 ns/op\n" +
		"BenchmarkVerify/alg=RS256/lib=jwx-v3/path=cold-2 1 20 ns/op\n"))
	if err != nil {
		t.Fatal(err)
	}
	if one, two := r.ratio(r.series[2]), r.ratio(r.series[3]); one != 2 || two != 4 {
		t.Errorf("ratios %v and %v", one, two)
	}
	if tables := r.tables(); len(tables) != 2 {
		t.Errorf("%d tables", len(tables))
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]string{
		"nothing":     "",
		"no number":   "BenchmarkX 1 y ns/op\n",
		"failed":      "BenchmarkX 1 1 ns/op\n--- FAIL: BenchmarkY\n",
		"no building": "FAIL\tx [build failed]\n",
	} {
		if _, err := parse(strings.NewReader(input)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := parse(strings.NewReader("PASS\n")); !errors.Is(err, errNoBenchmarks) {
		t.Errorf("%v", err)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	got := parsed(t).markdown()
	for _, want := range []string{
		"- cpu: Example CPU\n", "- jwx-v3: example.test/jwx/v3 v3.3.0\n", "- passes: 2\n",
		"### Verify, path=cold, GOMAXPROCS=2\n",
		"| library | RS256 | ES256 |\n|---|---|---|\n",
		"| bare | 30 µs, 1.00×, 9 | 50 µs, 1.00×, 19 |\n| bearerkit | 35 µs, 1.15×, 20 | 55 µs, 1.10×, 30 |\n",
		"| jwx-v3 | 90 µs, 3.00×, 401 | – |\n",
		"| bare | 10 ns, 0.0004×, 0 |\n| bearerkit | 600 ns, 0.021×, 3 |\n",
		"### Keys, alg=ES256, GOMAXPROCS=2\n\n| library | 10 keys |\n",
		"### Memory, alg=RS256, GOMAXPROCS=2\n\n| library | 10\u202f000 tokens |\n|---|---|\n| bearerkit | 1500 B/token |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
}

// The figures that are promised stand before the tables.
func TestGlance(t *testing.T) {
	t.Parallel()
	glance := parsed(t).glance()
	for _, want := range []string{
		"| RS256 | 30 µs | 35 µs | 1.15× | +11 | jwx-v3, 90 µs | 3.00× |\n| ES256 | 50 µs | 55 µs | 1.10× | +11 | – | – |\n",
		"| RS256 | 10 ns | 600 ns | 590 ns | 3 | echo-jwt, 30 µs | 50× |\n",
		"| RS256 | – | 1 µs, 0.038×, 1 | – | – |\n",
		"| 1 | 5 µs | 1.00× | 1 µs | 1.00× |\n| 1\u202f000\u202f000 | 6 µs | 1.20× | 1.1 µs | 1.10× |\n",
		"A remembered RS256 token of 750 bytes and 14 claims occupies 1500 bytes.\n",
	} {
		if !strings.Contains(glance, want) {
			t.Errorf("the summary lacks %q:\n%s", want, glance)
		}
	}
}

// What was not measured is not spoken of.
func TestGlanceAtLittle(t *testing.T) {
	t.Parallel()
	r, err := parse(strings.NewReader("BenchmarkKeys/alg=ES256/lib=bearerkit/keys=10 1 5 ns/op\n"))
	if err != nil {
		t.Fatal(err)
	}
	if glance := r.glance(); glance != "" {
		t.Errorf("%q", glance)
	}
}

func TestScaling(t *testing.T) {
	t.Parallel()
	input := "BenchmarkHandler/alg=RS256/lib=bare/path=parallel 1 10 ns/op\n" +
		"BenchmarkHandler/alg=RS256/lib=bare/path=parallel-2 1 5 ns/op\n" +
		"BenchmarkHandler/alg=RS256/lib=bearerkit/path=parallel 1 900 ns/op\n" +
		"BenchmarkHandler/alg=RS256/lib=bearerkit/path=parallel-2 1 500 ns/op\n"
	var out strings.Builder
	if err := run([]string{"-scaling"}, strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	want := "| GOMAXPROCS | 1 | 2 |\n|---|---|---|\n" +
		"| Handler/alg=RS256/lib=bare/path=parallel | 10 ns | 5 ns, 2.00× |\n" +
		"| Handler/alg=RS256/lib=bearerkit/path=parallel | 900 ns | 500 ns, 1.80× |\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	if err := run([]string{"-scaling"}, strings.NewReader("BenchmarkX 1 1 ns/op\n"), io.Discard); !errors.Is(err, errOneNumber) {
		t.Errorf("%v", err)
	}
}

func TestChart(t *testing.T) {
	t.Parallel()
	chart, err := parsed(t).chart()
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, chart)
	for _, want := range []string{
		`<rect class="peer" y="2" width="446.0"`, "90 µs · 3.00× · 401 allocs", `<rect class="bearerkit"`, "600 ns · 1.00× · 3 allocs",
		">10 ns · 0 allocs<", "30 µs · 50× · 118 allocs", "prefers-color-scheme: dark",
		">go1.26.8 · Example CPU · medians of 2 passes<", `transform="translate(148.7 -4)"`,
	} {
		if !strings.Contains(chart, want) {
			t.Errorf("the chart lacks %q:\n%s", want, chart)
		}
	}
}

func wellFormed(t *testing.T, document string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(document)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// What is written can be read again, and gives the same.
func TestWrite(t *testing.T) {
	t.Parallel()
	folder, again := t.TempDir(), t.TempDir()
	for _, step := range []struct{ from, to string }{{fixture, folder}, {filepath.Join(folder, "bench.txt"), again}} {
		input, err := os.ReadFile(step.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := run([]string{"-out", step.to}, bytes.NewReader(input), io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bench.txt", "table.md", "chart.svg"} {
		first, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(again, name))
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}

// A failed run leaves the results of the last one alone.
func TestWriteNothing(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "results")
	if err := run([]string{"-out", folder}, strings.NewReader("FAIL\n"), io.Discard); err == nil {
		t.Error("accepted")
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	newer := filepath.Join(t.TempDir(), "new.txt")
	text, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("22000 ns/op	    2000 B/op	      20"), []byte("20000 ns/op	    2000 B/op	      17"))
	text = bytes.ReplaceAll(text, []byte("48000 ns/op	    2000 B/op	      20"), []byte("42000 ns/op	    2000 B/op	      17"))
	if err := os.WriteFile(newer, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"-diff", fixture, newer}, nil, &out); err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for line := range strings.Lines(out.String()) {
		fields := strings.Fields(line)
		rows[fields[len(fields)-1]] = strings.Join(fields[:len(fields)-1], " ")
	}
	for name, want := range map[string]string{
		"Verify/alg=RS256/lib=bearerkit/path=cold-2": "20 17 -3 1.10× 1.00× -9.1%",
		"Verify/alg=ES256/lib=bearerkit/path=cold-2": "30 30 = 1.10× 1.10× +0.0%",
		"Verify/alg=RS256/lib=jwx-v3/path=cold-2":    "",
	} {
		if rows[name] != want {
			t.Errorf("%s: %q, want %q", name, rows[name], want)
		}
	}
}

// A change for the worse is an error if a tolerance is given: in allocations any, in ratios a larger one than that.
func TestDiffTolerance(t *testing.T) {
	t.Parallel()
	const bare = "BenchmarkVerify/alg=RS256/lib=bare/path=cold 1 100 ns/op 0 B/op 9 allocs/op\n"
	old := bare + "BenchmarkVerify/alg=RS256/lib=bearerkit/path=cold 1 200 ns/op 0 B/op 18 allocs/op\n"
	for _, test := range []struct {
		name, tolerance, figures string
		worse                    bool
	}{
		{"the same", "0.1", "200 ns/op 0 B/op 18 allocs/op", false},
		{"better", "0.1", "20 ns/op 0 B/op 0 allocs/op", false},
		{"a little slower", "0.1", "215 ns/op 0 B/op 18 allocs/op", false},
		{"slower", "0.1", "225 ns/op 0 B/op 18 allocs/op", true},
		{"slower within the tolerance", "0.2", "225 ns/op 0 B/op 18 allocs/op", false},
		{"one more allocation", "0.1", "200 ns/op 0 B/op 19 allocs/op", true},
		{"no tolerance given", "0", "900 ns/op 0 B/op 99 allocs/op", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			before, after := filepath.Join(folder, "old"), filepath.Join(folder, "new")
			now := bare + "BenchmarkVerify/alg=RS256/lib=bearerkit/path=cold 1 " + test.figures + "\n"
			for name, text := range map[string]string{before: old, after: now} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			err := run([]string{"-diff", "-tolerance", test.tolerance, before, after}, nil, &out)
			if (err != nil) != test.worse || strings.Contains(out.String(), "worse") != test.worse {
				t.Errorf("%v\n%s", err, &out)
			}
		})
	}
}

// A round that other work on the machine made slow decides nothing.
func TestDiffNoise(t *testing.T) {
	t.Parallel()
	r, err := parse(strings.NewReader("BenchmarkVerify/alg=RS256/lib=bare/path=cold 1 100 ns/op\n" +
		"BenchmarkVerify/alg=RS256/lib=bare/path=cold 1 400 ns/op\n" +
		"BenchmarkVerify/alg=RS256/lib=bearerkit/path=cold 1 900 ns/op\n" +
		"BenchmarkVerify/alg=RS256/lib=bearerkit/path=cold 1 200 ns/op\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.bestRatio(r.series[1]); got != 2 {
		t.Errorf("%v, want 2", got)
	}
}

func TestDiffRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-diff"}, {"-diff", fixture}, {"-diff", fixture, "missing.txt"}, {"-diff", "-lib", "nobody", fixture, fixture},
	} {
		if err := run(args, nil, io.Discard); err == nil {
			t.Errorf("%v: accepted", args)
		}
	}
}

func parsed(t *testing.T) *results {
	t.Helper()
	r, err := parseFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
