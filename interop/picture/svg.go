package main

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The measures of the pictures, in pixels.
const (
	charWidth  = 7.8
	lineHeight = 18
	margin     = 16
	fontSize   = 13
)

// maxColumns is the length after which a line is continued in the next one.
const maxColumns = 160

// svg draws lines of text as a terminal that follows the color scheme of the reader.
func svg(text string) string {
	var lines []string
	columns := 0
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		for _, part := range wrap(line) {
			lines = append(lines, part)
			columns = max(columns, utf8.RuneCountInString(part))
		}
	}
	width, height := float64(columns)*charWidth+2*margin, len(lines)*lineHeight+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img">
<style>
svg{--paper:#f6f8fa;--ink:#1f2328;--quiet:#59636e;--good:#116329;--bad:#a40e26;--warn:#7d4e00}
@media(prefers-color-scheme:dark){svg{--paper:#151b23;--ink:#f0f6fc;--quiet:#9198a1;--good:#56d364;--bad:#ff7b72;--warn:#e3b341}}
text{font:%dpx ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink);white-space:pre}
.q{fill:var(--quiet)}.g{fill:var(--good)}.b{fill:var(--bad)}.w{fill:var(--warn)}
</style>
<rect width="100%%" height="100%%" rx="8" fill="var(--paper)"/>
`, width, height, width, height, fontSize)
	for i, line := range lines {
		if line != "" {
			fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" xml:space=\"preserve\">%s</text>\n", margin, margin+fontSize+i*lineHeight, colored(line))
		}
	}
	return b.String() + "</svg>\n"
}

// wrap splits a long line. The continuation is indented by two spaces more than the line.
func wrap(line string) (parts []string) {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))] + "  "
	for runes := []rune(line); ; runes = []rune(indent + strings.TrimLeft(string(runes), " ")) {
		if len(runes) <= maxColumns {
			return append(parts, string(runes))
		}
		cut := maxColumns
		if space := strings.LastIndexByte(string(runes[:cut]), ' '); space > len(indent) {
			cut = utf8.RuneCountInString(string(runes[:cut])[:space])
		}
		parts = append(parts, string(runes[:cut]))
		runes = runes[cut:]
	}
}

// words are the parts of a line that have a color.
var words = regexp.MustCompile(`^\$ .*|^\[…\]|\b(200|400|401|403|503)\b|^All .* correct\.|^[✓✗!]|→`)

// colored returns a line with colors, as the content of an SVG element.
func colored(line string) string {
	var b strings.Builder
	end := 0
	for _, at := range words.FindAllStringIndex(line, -1) {
		word := line[at[0]:at[1]]
		b.WriteString(html.EscapeString(line[end:at[0]]))
		fmt.Fprintf(&b, `<tspan class="%s">%s</tspan>`, classOf(word), html.EscapeString(word))
		end = at[1]
	}
	b.WriteString(html.EscapeString(line[end:]))
	return b.String()
}

func classOf(word string) string {
	switch word {
	case "200", "✓":
		return "g"
	case "400", "401", "403", "✗":
		return "b"
	case "503", "!":
		return "w"
	}
	if strings.HasPrefix(word, "All ") {
		return "g"
	}
	return "q"
}
