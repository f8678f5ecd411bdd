package client

import (
	"html"
	"slices"
	"strconv"
	"strings"
)

const maxForms = 16 // of one text

// formsOf returns text, and all texts that result from decoding its escapes, one kind after the other and repeatedly:
// servers write a text into HTML, JSON or a URL, and the result into another text. ok is false if there are more than
// maxForms.
func formsOf(text string) (forms []string, ok bool) {
	forms = []string{text}
	for i := 0; i < len(forms); i++ {
		for _, decode := range []func(string) string{unescapePercent, html.UnescapeString, unescapeBackslash} {
			if form := decode(forms[i]); !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
		if len(forms) > maxForms {
			return nil, false
		}
	}
	return forms, true
}

// unescapePercent decodes all valid percent-encoded bytes of text.
func unescapePercent(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			if value, ok := hexAt(text, i+1, 2); ok {
				b.WriteByte(byte(value & 0xff))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// unescapeBackslash decodes the escapes of strings in JSON and in programming languages, such as \u0026, \x26 and \/.
func unescapeBackslash(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		digits := map[byte]int{'u': 4, 'x': 2}[text[i]]
		if value, ok := hexAt(text, i+1, digits); ok {
			b.WriteRune(value)
			i += digits
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// hexAt reads a hexadecimal number with this many digits at an index of text. ok is false if there is none.
func hexAt(text string, index, digits int) (value rune, ok bool) {
	if digits == 0 || index+digits > len(text) {
		return 0, false
	}
	number, err := strconv.ParseUint(text[index:index+digits], 16, 16)
	return rune(number), err == nil
}
