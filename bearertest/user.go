package bearertest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is a person who signs in at an [Issuer]. The Issuer shows no page: the user is authenticated at once, and decides as
// the fields say.
type User struct {
	// Subject is the `sub` of the user. Empty: "alice".
	Subject string

	// Claims are further claims about the user, such as name, email, or roles. They are in ID tokens, in access tokens and in
	// responses of the userinfo endpoint. They can replace acr, amr and auth_time, but no other claim that the Issuer sets. To
	// replace those, use IssuerConfig.EditToken. Nil: none.
	Claims map[string]any

	// Scopes are the scopes that the user grants. A client that requests others gets only these. Nil: all.
	Scopes []string

	// Error is the code of the error response that the client gets instead of a code, such as "access_denied". The codes
	// "login_required", "consent_required", "interaction_required" and "account_selection_required" (OpenID Connect Core
	// section 3.1.2.6) are only used for requests with prompt=none: without it, the user does what is required at once.
	// Empty: the user signs in.
	Error string
}

// SetUser makes user the one who signs in from now on. A session of the previous user ends: the next sign-in authenticates
// the user again. Grants that exist already do not change.
func (i *Issuer) SetUser(user User) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.user, i.session = user.clone(), nil
}

// clone returns a copy with the defaults.
func (u User) clone() User {
	u.Claims, u.Scopes = maps.Clone(u.Claims), slices.Clone(u.Scopes)
	if u.Subject == "" {
		u.Subject = subject
	}
	return u
}

// named reports whether hint is the subject, the user name or the email address of the user.
func (u User) named(hint string) bool {
	return hint == u.Subject || hint == u.Claims["preferred_username"] || hint == u.Claims["email"]
}

// declines returns the error response for u, or nil if u signs in.
func (u User) declines(silent bool) *oauthError {
	needsPage := slices.Contains([]string{
		"login_required", "consent_required", "interaction_required", "account_selection_required",
	}, u.Error)
	if u.Error == "" || needsPage && !silent {
		return nil
	}
	return failure(u.Error, "User.Error is %s", u.Error)
}

// session is a user who is signed in at the issuer. There is at most one, as in one browser.
type session struct {
	user  User
	since time.Time
}

// signIn authenticates the user for an authorization request, and returns the session. It creates a session if there is none,
// or if the request requires a new sign-in.
func (i *Issuer) signIn(params params) (session, *oauthError) {
	prompt := strings.Fields(params.get("prompt"))
	silent := slices.Contains(prompt, "none")
	if silent && len(prompt) > 1 {
		return session{}, failure("invalid_request", "prompt has none and another value")
	}
	for _, value := range prompt {
		if !slices.Contains(promptValues(), value) {
			return session{}, failure("invalid_request", "prompt %s is unknown", value)
		}
	}
	maxAge, err := maxAge(params.get("max_age"))
	if err != nil {
		return session{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	current := i.session
	user := i.chosen(params.get("login_hint"))
	if current != nil && (current.user.Subject != user.Subject || time.Since(current.since) > maxAge ||
		maxAge == 0 || slices.Contains(prompt, "login")) {
		current = nil
	}
	if current == nil && silent {
		return session{}, failure("login_required", "prompt is none, and no recent enough session of %s exists", user.Subject)
	}
	if err := user.declines(silent); err != nil {
		return session{}, err
	}
	if current == nil {
		current = &session{user: user, since: time.Now()}
		i.session = current
	}
	return *current, nil
}

// chosen returns the user with the given login_hint, or the current one. The caller must hold i.mu.
func (i *Issuer) chosen(hint string) User {
	if hint == "" || i.user.named(hint) {
		return i.user
	}
	for _, user := range i.users {
		if user.named(hint) {
			return user
		}
	}
	return i.user
}

// endSession signs the user out.
func (i *Issuer) endSession() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.session = nil
}

// currentUser returns the user who signs in.
func (i *Issuer) currentUser() User {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.user
}

// promptValues returns the supported values of prompt. The page of select_account would have one account, so it does nothing.
func promptValues() []string { return []string{"none", "login", "consent", "select_account"} }

// maxAge parses max_age. Without it, sessions have any age.
func maxAge(text string) (time.Duration, *oauthError) {
	const forever = 1<<63 - 1
	if text == "" {
		return forever, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, failure("invalid_request", "max_age %s is not a number of seconds", text)
	}
	return time.Duration(seconds) * time.Second, nil
}
