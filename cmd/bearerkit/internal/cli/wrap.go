package cli

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks text into lines of at most width characters, between words. Every line after the first starts with indent. A word that
// is longer than a line, such as a URL, gets a line of its own. Newlines in text remain.
func Wrap(text string, width int, indent string) string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrapLine(paragraph, width-utf8.RuneCountInString(indent))...)
	}
	return strings.Join(lines, "\n"+indent)
}

// wrapLine breaks one paragraph.
func wrapLine(paragraph string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(paragraph) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
