package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// glance returns the summary before the tables. It compares the kit with the baseline and with the fastest other library, and
// shows the cost of large caches. It leaves out rows whose benchmarks did not run.
func (r *results) glance() string {
	var b strings.Builder
	section(&b, "First sight of a token",
		"`Verify`, `path=cold`: no cache. The ratio is to the bare signature check with the same algorithm.",
		[]string{"algorithm", "bare check", "bearerkit", "ratio", "allocations above bare", "fastest other library", "its ratio"},
		r.each(r.firstSight))
	section(&b, "The same token again, through the middleware",
		"`Handler`, `path=hot`: each library's own middleware in front of a handler that returns 204. The last column is the\n"+
			"time of the fastest other middleware divided by the time of bearerkit's, the handler included in both.",
		[]string{"algorithm", "bare handler", "bearerkit", "above bare", "allocations", "fastest other middleware", "times as long"},
		r.each(r.hotHandler))
	section(&b, "Refusals",
		"`Verify`: time, ratio to the bare signature check, allocations. The last column is the time to reject a forged token\n"+
			"divided by the time to accept a good one (`path=cold`).",
		[]string{"algorithm", "malformed", "wrong issuer", "forged", "forged to good"},
		r.each(r.refusals))
	section(&b, "Many remembered tokens",
		"`Remembered`: with so many verified tokens in the cache, a token that is not in it and one that is. The ratio is to\n"+
			"the first row.",
		[]string{"tokens", "not in the cache", "ratio", "in the cache", "ratio"},
		r.remembered())
	for _, s := range r.series {
		if s.bench == "Memory" {
			fmt.Fprintf(&b, "\nA remembered %s token of 750 bytes and 14 claims occupies %.0f bytes.\n",
				s.params["alg"], s.median(bytesPerToken))
		}
	}
	return b.String()
}

func section(b *strings.Builder, title, what string, columns []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n| %s |\n|%s\n", title, what, strings.Join(columns, " | "),
		strings.Repeat("---|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

// each adds a row for every algorithm, in the order in which they ran.
func (r *results) each(row func(alg string) []string) (rows [][]string) {
	var seen []string
	for _, s := range r.series {
		alg := s.params["alg"]
		if slices.Contains(seen, alg) {
			continue
		}
		seen = append(seen, alg)
		if cells := row(alg); cells != nil {
			rows = append(rows, append([]string{alg}, cells...))
		}
	}
	return rows
}

func (r *results) firstSight(alg string) []string {
	limit, ours := r.pair("Verify", alg, "cold")
	if ours == nil {
		return nil
	}
	cells := []string{
		duration(limit.median(nanoseconds)), duration(ours.median(nanoseconds)), times(r.ratio(ours)),
		fmt.Sprintf("%+.0f", ours.median(allocations)-limit.median(allocations)), "–", "–",
	}
	if other := r.fastestOther(ours); other != nil {
		cells[4], cells[5] = named(other), times(r.ratio(other))
	}
	return cells
}

func (r *results) hotHandler(alg string) []string {
	limit, ours := r.pair("Handler", alg, "hot")
	if ours == nil {
		return nil
	}
	cells := []string{
		duration(limit.median(nanoseconds)), duration(ours.median(nanoseconds)),
		duration(ours.median(nanoseconds) - limit.median(nanoseconds)), fmt.Sprintf("%.0f", ours.median(allocations)), "–", "–",
	}
	if other := r.fastestOther(ours); other != nil {
		cells[4], cells[5] = named(other), times(quotient(other, ours))
	}
	return cells
}

func (r *results) refusals(alg string) []string {
	of := func(path string) *series { return r.find("Verify", alg, kit, path, r.mostProcessors()) }
	malformed, issuer, forged := of("malformed"), of("issuer"), of("forged")
	if malformed == nil && issuer == nil && forged == nil {
		return nil
	}
	return []string{r.cell(malformed), r.cell(issuer), r.cell(forged), times(quotient(forged, of("cold")))}
}

func (r *results) remembered() (rows [][]string) {
	var first [2]*series
	for _, s := range r.series {
		if s.bench != "Remembered" || s.params["path"] != "cold" || s.procs != r.mostProcessors() {
			continue
		}
		both := [2]*series{s, r.byName[strings.Replace(s.name, "path=cold", "path=hot", 1)]}
		if both[1] == nil {
			continue
		}
		if first[0] == nil {
			first = both
		}
		row := []string{thousands(s.params["tokens"])}
		for i := range both {
			row = append(row, duration(both[i].median(nanoseconds)), times(quotient(both[i], first[i])))
		}
		rows = append(rows, row)
	}
	return rows
}

// pair returns the baseline and the kit. Both are nil if one is missing.
func (r *results) pair(bench, alg, path string) (limit, ours *series) {
	limit = r.find(bench, alg, bare, path, r.mostProcessors())
	ours = r.find(bench, alg, kit, path, r.mostProcessors())
	if limit == nil || ours == nil {
		return nil, nil
	}
	return limit, ours
}

// fastestOther returns the fastest library other than the kit, or nil if no other was measured.
func (r *results) fastestOther(ours *series) (fastest *series) {
	least := math.Inf(1)
	for _, s := range r.series {
		lib := s.params["lib"]
		if lib == bare || lib == kit || s.name != strings.Replace(ours.name, "lib="+kit, "lib="+lib, 1) {
			continue
		}
		if ns := s.median(nanoseconds); ns < least {
			fastest, least = s, ns
		}
	}
	return fastest
}

func named(s *series) string { return s.params["lib"] + ", " + duration(s.median(nanoseconds)) }
