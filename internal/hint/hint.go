// Package hint finds the small differences between two identifiers that people overlook.
package hint

import "strings"

// Difference says how two identifiers differ if the difference is easy to overlook, such as "they differ only by a trailing
// slash". It returns "" if they are equal or differ in another way. It is for error texts only: identifiers are compared
// byte for byte (RFC 3986 section 6.2.1), and a small difference never makes them equal.
func Difference(a, b string) string {
	// Most identifiers that differ have nothing in common. This is found quickly, because a flood of tokens causes many errors.
	if a == b || !strings.EqualFold(core(a), core(b)) {
		return ""
	}
	switch {
	case withoutSlash(a) == withoutSlash(b):
		return "they differ only by a trailing slash"
	case strings.EqualFold(a, b):
		return "they differ only by case"
	case withoutScheme(a) == withoutScheme(b):
		return "they differ only by scheme"
	case strings.TrimSpace(a) == strings.TrimSpace(b):
		return "they differ only by white space"
	}
	return "they differ only by scheme, case, white space or a trailing slash"
}

// Fold returns a form of an identifier that is equal for identifiers with a small difference. Use it as the key of a map
// in which Difference would have to be called for each entry.
func Fold(s string) string { return strings.ToLower(core(s)) }

// core returns s without the parts that are easy to overlook, in its own case.
func core(s string) string { return withoutSlash(withoutScheme(strings.TrimSpace(s))) }

func withoutSlash(s string) string { return strings.TrimSuffix(s, "/") }

// withoutScheme returns s without a leading "https://" or "http://", in upper or lower case.
func withoutScheme(s string) string {
	for _, scheme := range [...]string{"https://", "http://"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return s[len(scheme):]
		}
	}
	return s
}
