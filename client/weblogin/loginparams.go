package weblogin

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/client"
)

// errParams says that a request for the login has a parameter that is not valid.
var errParams = errors.New("weblogin: a parameter of the login is not valid")

// promptLogin is the value of prompt that every link may have: the user has to authenticate again, so that another account can
// be chosen (OpenID Connect Core §3.1.2.1).
const promptLogin = "login"

const maxLoginParam = 512 // bytes of a value from the request; it becomes part of the URL, and some of them of a cookie

// isReservedParam reports whether Config.LoginParams must not contain name. A request could otherwise change what is
// requested, for whom, or where the response goes. The client sets these parameters, or an attacker would choose their value.
func isReservedParam(name string) bool {
	return slices.Contains([]string{
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "request", "request_uri", "registration", "claims", "id_token_hint", "resource", "audience",
		"authorization_details", "dpop_jkt", "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_secret",
		"client_assertion", "client_assertion_type", "code_verifier", "code", "error", "return_to", stepUpParam,
	}, strings.ToLower(name))
}

// checkLoginParams returns an error for each name in Config.LoginParams that must not come from a request.
func (cfg Config) checkLoginParams() error {
	var faults []error
	for _, name := range cfg.LoginParams {
		switch {
		case name == "" || strings.ContainsFunc(name, isNotNameRune):
			faults = append(faults, fmt.Errorf("weblogin: Config.LoginParams has %q, expected letters, digits, - . and _", name))
		case isReservedParam(name):
			faults = append(faults, fmt.Errorf("weblogin: Config.LoginParams has %q, which a request must not set", name))
		case isMisspelled(name):
			faults = append(faults, fmt.Errorf("weblogin: Config.LoginParams has %q, expected %q", name, strings.ToLower(name)))
		case slices.ContainsFunc(slices.Collect(maps.Keys(cfg.Authorization.Extra)), func(own string) bool { return strings.EqualFold(own, name) }):
			faults = append(faults, fmt.Errorf("weblogin: Config.LoginParams has %q, which Config.Authorization.Extra sets", name))
		}
	}
	return errors.Join(faults...)
}

// isMisspelled reports whether name differs only in case from a parameter that withParam limits. Servers that compare names
// without case would receive that parameter twice, and could use the value of the request.
func isMisspelled(name string) bool {
	lower := strings.ToLower(name)
	return lower != name && slices.Contains([]string{"prompt", "acr_values", "max_age", "login_hint", "display", "ui_locales"}, lower)
}

// isNotNameRune reports whether r must not occur in the name of a parameter.
func isNotNameRune(r rune) bool {
	return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
}

// requestedOptions returns the options of a sign-in that the login endpoint starts: Config.Authorization, what the
// parameters in Config.LoginParams add, and what a step-up link requires. The parameters can make a sign-in stricter, and
// never weaker than Config.Authorization.
func (a *App) requestedOptions(query url.Values) (client.AuthorizationOptions, error) {
	o := a.cfg.Authorization
	o.Extra = maps.Clone(o.Extra)
	// Every link may require that the user authenticates again, whatever LoginParams has.
	allowed := a.cfg.LoginParams
	if query.Get("prompt") == promptLogin && !slices.Contains(allowed, "prompt") {
		allowed = append(slices.Clip(allowed), "prompt")
	}
	for _, name := range allowed {
		value, err := loginParam(query, name)
		if err == nil && value != "" {
			o, err = withParam(o, name, value)
		}
		if err != nil {
			return o, err
		}
	}
	return a.steppedUp(o, query)
}

// loginParam returns the value of a parameter, or "" if the request does not have it.
func loginParam(query url.Values, name string) (string, error) {
	// The server could read a repeated parameter in another way than this code.
	values := query[name]
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", fmt.Errorf("%w: %s occurs more than once", errParams, name)
	case len(values[0]) > maxLoginParam:
		return "", fmt.Errorf("%w: %s has %d bytes, expected at most %d", errParams, name, len(values[0]), maxLoginParam)
	case !utf8.ValidString(values[0]) || strings.ContainsFunc(values[0], unicode.IsControl):
		return "", fmt.Errorf("%w: %s has characters that cannot be printed", errParams, name)
	}
	return values[0], nil
}

// withParam returns o with a parameter of the request.
func withParam(o client.AuthorizationOptions, name, value string) (client.AuthorizationOptions, error) {
	switch name {
	case "prompt": // added to the configured values, so that a link cannot avoid a prompt
		for _, word := range strings.Fields(value) {
			if !slices.Contains(o.Prompt, word) {
				o.Prompt = append(slices.Clip(o.Prompt), word)
			}
		}
		if len(o.Prompt) > 1 && slices.Contains(o.Prompt, "none") {
			return o, fmt.Errorf("%w: prompt has \"none\" and other values", errParams)
		}
	case "acr_values":
		acr := strings.Fields(value)
		if len(o.ACRValues) > 0 && !isSubset(acr, o.ACRValues) {
			return o, fmt.Errorf("%w: acr_values has a value that is not in Config.Authorization.ACRValues", errParams)
		}
		if len(acr) > 0 {
			o.ACRValues = acr
		}
	case "max_age":
		seconds, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return o, fmt.Errorf("%w: max_age is not a number of seconds", errParams)
		}
		o = withAge(o, time.Duration(max(seconds, 1))*time.Second) // zero would mean any age, so use the shortest
	// The server defines the effect of the following parameters. They replace the configured values.
	case "login_hint":
		o.LoginHint = value
	case "display":
		o.Display = value
	case "ui_locales":
		o.UILocales = strings.Fields(value)
	default:
		o.Extra = joined(o.Extra, url.Values{name: {value}})
	}
	return o, nil
}
