package weblogin

import (
	"errors"
	"strings"

	"github.com/bearerkit/bearerkit/client"
)

// isDeclined reports whether err says that the user or the server declined the sign-in. Some servers have codes of their own
// for a user who cancels, such as user_cancelled_authorize and user_cancelled_login. Only an error that came through the
// browser counts, because that is where a decision of the user arrives.
func isDeclined(err error) bool {
	if errors.Is(err, client.ErrAccessDenied) {
		return true
	}
	rejection, ok := errors.AsType[*client.Error](err)
	return ok && rejection.Status == 0 && strings.Contains(rejection.Code, "cancel")
}
