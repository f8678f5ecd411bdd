package compact

import "slices"

// IsAbsent reports whether v counts as absent: it is null, or an empty string or array of one of the given kinds. Encoders
// of several issuers write such values for members that they do not set. This method is the only place that decides it, for
// headers, claims and keys alike. The caller says which empty values the member may have; another empty value has the wrong
// type. Callers do not call it for members whose presence alone matters, such as crit.
func (v Value) IsAbsent(empty ...Kind) bool {
	switch kind := v.Kind(); kind {
	case KindNone, KindNull:
		return true
	case KindString:
		return v.text == `""` && slices.Contains(empty, kind)
	case KindArray:
		for range v.Elements() {
			return false
		}
		return slices.Contains(empty, kind)
	case KindBool, KindNumber, KindObject:
	}
	return false
}
