package versions_test

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// generator makes JSON texts, valid ones and broken ones. The same name gives the same texts in every Go version:
// math/rand/v2 guarantees the sequence of a PCG.
type generator struct {
	*rand.Rand

	names []string
	base  []string // members of which an object on the top level has none or one
}

func newGenerator(name string, names, base []string) generator {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return generator{rand.New(rand.NewPCG(h.Sum64(), 1)), append(names, "a", "b", "c", "d"), base}
}

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// text returns an object. One in four has a random change that may break it.
func (g generator) text() string {
	text := g.space() + g.object(0) + g.space()
	if g.IntN(4) > 0 {
		return text
	}
	at := g.IntN(len(text))
	switch g.IntN(4) {
	case 0:
		return text[:at]
	case 1:
		return text[:at] + text[at+1:]
	case 2:
		return text[:at] + string(rune(g.IntN(0x300))) + text[at:]
	}
	return text[:at] + string([]byte{byte(g.IntN(256))}) + text[at+1:]
}

func (g generator) space() string { return g.pick("", "", "", " ", "\n\t", "\r ") }

func (g generator) object(depth int) string {
	var members []string
	if depth == 0 && len(g.base) > 0 && g.IntN(2) > 0 {
		members = append(members, g.base[g.IntN(len(g.base))])
	}
	for range g.IntN(6) {
		members = append(members, g.space()+g.name()+g.space()+":"+g.space()+g.value(depth+1))
	}
	return "{" + strings.Join(members, ",") + g.space() + "}"
}

// name is one that the reader knows, in most cases.
func (g generator) name() string {
	name := g.names[g.IntN(len(g.names))]
	switch g.IntN(12) {
	case 0:
		return g.str()
	case 1:
		return `"` + strings.ToUpper(name) + `"`
	case 2:
		return `"\u00` + string("0123456789abcdef"[name[0]>>4]) + string("0123456789abcdef"[name[0]&15]) + name[1:] + `"`
	case 3:
		return `"` + strings.ReplaceAll(name, "s", "ſ") + `"`
	}
	return `"` + name + `"`
}

func (g generator) value(depth int) string {
	kind := g.IntN(10)
	if depth > 9 {
		kind = g.IntN(6)
	}
	switch kind {
	case 0:
		return g.pick("true", "false", "null", "null", "nul", "True")
	case 1, 2:
		return g.number()
	case 3, 4, 5:
		return g.str()
	case 6, 7:
		return g.object(depth)
	}
	var elements []string
	for range g.IntN(5) {
		elements = append(elements, g.space()+g.value(depth+1)+g.space())
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func (g generator) number() string {
	return g.pick("", "", "", "-") + g.pick("0", "1", "7", "32767", "32768", "255", "256", "1700000000", "9007199254740993",
		"99999999999999999999", "3.4e39", "1e999", "1.5", "1.0", "1E5", "0.1e-7", "5e-324", "00", "01", ".5", "1.", "1e", "+1")
}

func (g generator) str() string {
	var b strings.Builder
	for range g.IntN(4) {
		b.WriteString(g.pick("a", "K", "YWI=", "AQAB", "https://a.example", "2030-01-02T03:04:05Z", "1.5", "é", "\u212a", "<&>",
			"\u2028", "\ufeff", `\n`, `\/`, `\"`, `\\`, `\u0041`, `\ud83d\ude00`, `\ud800`, `\udc00`, `\x`, "\xff", "\x00", "\x7f",
			"P-256", "RSA", "EC", "sig", "RS256", strings.Repeat("x", 300)))
	}
	return `"` + b.String() + `"`
}
