package weblogin

import (
	"errors"
	"slices"
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

// needsUser reports whether the server has ended the sign-in because it could not involve the user, as with the prompt none
// (OpenID Connect Core §3.1.2.6), or because the user cannot sign in as required (OpenID Connect Core Unmet Authentication
// Requirements).
func needsUser(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Status == 0 && slices.Contains([]string{
		"login_required", "interaction_required", "consent_required", "account_selection_required", "unmet_authentication_requirements",
	}, e.Code)
}
