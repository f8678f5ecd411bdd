package consumer

import (
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// isAbsent reports whether v counts as absent: it is null, or an empty value of one of the given kinds. Encoders of several
// issuers write such values for members that they do not set. This function decides it for headers, claims and cnf alike.
// It is not called for members whose presence alone matters: crit, b64, alg, iss, exp, cnf, and the claims that only other
// kinds of token have.
func isAbsent(v compact.Value, empty ...compact.Kind) bool {
	switch kind := v.Kind(); kind {
	case compact.KindNone, compact.KindNull:
		return true
	case compact.KindString:
		return v.Raw() == `""` && slices.Contains(empty, kind)
	case compact.KindArray:
		for range v.Elements() {
			return false
		}
		return slices.Contains(empty, kind)
	case compact.KindBool, compact.KindNumber, compact.KindObject:
	}
	return false
}

// isAbsent reports whether v, the value of the member at this place, counts as absent, and records the deviation.
func (d *deviations) isAbsent(at place, v compact.Value, empty ...compact.Kind) bool {
	if !isAbsent(v, empty...) {
		return false
	}
	if v.Kind() == compact.KindNull {
		*d |= isNull(at)
	} else {
		*d |= isEmpty(at)
	}
	return true
}
