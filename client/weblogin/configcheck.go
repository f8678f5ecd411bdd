package weblogin

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// validate returns all faults of cfg, joined. Each names its field.
func (cfg Config) validate() error {
	var faults []error
	// check adds a fault unless ok. problem follows the name of the field in the text.
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("weblogin: Config.%s %s", field, problem))
		}
	}
	check(cfg.Client != nil, "Client", "is required")
	check(cfg.Sessions != nil, "Sessions", "is required")
	check(cfg.Key == nil || len(cfg.Key) == keyBytes, "Key", fmt.Sprintf("has %d bytes, expected %d", len(cfg.Key), keyBytes))
	check(cfg.Prefix == "" || isPrefix(cfg.Prefix), "Prefix", fmt.Sprintf("is %q, expected a plain path that begins and ends with a slash", cfg.Prefix))
	check(cfg.AfterLogin == "" || isLocal(cfg.AfterLogin), "AfterLogin", fmt.Sprintf("is %q, expected a local path", cfg.AfterLogin))
	check(!isSignInEndpoint(cfg.prefix(), cfg.AfterLogin), "AfterLogin",
		fmt.Sprintf("is %q, expected a path other than those of the login and the callback", cfg.AfterLogin))
	check(cfg.AfterLogout == "" || isLocal(cfg.AfterLogout), "AfterLogout", fmt.Sprintf("is %q, expected a local path", cfg.AfterLogout))
	check(cfg.PostLogoutRedirectURI == "" || isAbsolute(cfg.PostLogoutRedirectURI), "PostLogoutRedirectURI",
		fmt.Sprintf("is %q, expected an absolute http or https URL", cfg.PostLogoutRedirectURI))
	check(cfg.APITimeout >= 0, "APITimeout", fmt.Sprintf("is %v, expected 0 or more", cfg.APITimeout))
	for _, name := range cfg.ProxyHeaders {
		check(!isDangerous(name), "ProxyHeaders", fmt.Sprintf("has %q, expected only headers without a meaning for servers, proxies or browsers", name))
	}
	check(cfg.Authorization.ReturnTo == "", "Authorization.ReturnTo",
		fmt.Sprintf("is %q, expected no value, because the App sets it: use Config.AfterLogin", cfg.Authorization.ReturnTo))
	check(cfg.Authorization.Subject == "", "Authorization.Subject", "is set, expected no value, because every user may sign in: use App.Login")
	return errors.Join(append(faults, cfg.validateSessions(), cfg.validateRedirect(), cfg.validateLogout(), cfg.checkLoginParams())...)
}

// validateLogout rejects a logout page that browsers reach without TLS, and settings that exclude each other.
func (cfg Config) validateLogout() error {
	if cfg.LogoutURL == "" {
		return nil
	}
	u, err := url.Parse(cfg.LogoutURL)
	switch {
	case err != nil || !isAbsolute(cfg.LogoutURL) || u.User != nil || strings.Contains(cfg.LogoutURL, "#"):
		return errors.New("weblogin: Config.LogoutURL is not an absolute http or https URL without a fragment")
	case u.Scheme == "http" && !cfg.InsecureHTTP:
		return errors.New("weblogin: Config.LogoutURL has the scheme http, expected https, or Config.InsecureHTTP for development")
	case cfg.PostLogoutRedirectURI != "":
		return errors.New("weblogin: Config.PostLogoutRedirectURI is set, but Config.LogoutURL has all parameters of the logout")
	}
	return nil
}

// validateSessions rejects a SessionManager that would panic, end each session at once, or lose each login.
func (cfg Config) validateSessions() error {
	s := cfg.Sessions
	switch {
	case s == nil:
		return nil // reported already
	case s.Store == nil || s.Codec == nil:
		return errors.New("weblogin: Config.Sessions has no Store or no Codec: create it with scs.New")
	case !keepsBytes(s.Codec):
		return errors.New("weblogin: Config.Sessions.Codec does not decode a []byte as a []byte: use scs.GobCodec")
	case s.Lifetime <= 0:
		return fmt.Errorf("weblogin: Config.Sessions.Lifetime is %v, expected more than 0", s.Lifetime)
	}
	return nil
}

// keepsBytes reports whether a codec decodes a []byte as a []byte. JSON, for example, decodes it as a string, and then no
// login would be found in any session.
func keepsBytes(codec scs.Codec) bool {
	const name, value = "name", "value"
	text, err := codec.Encode(time.Now(), map[string]any{name: []byte(value)})
	if err != nil {
		return false
	}
	_, values, err := codec.Decode(text)
	// The login of a session is such a value (see putLogin).
	got, ok := values[name].([]byte)
	return err == nil && ok && string(got) == value
}

// validateRedirect rejects a redirect URI at which the App does not receive the authorization response, or receives it
// without the cookies that it needs.
func (cfg Config) validateRedirect() error {
	if cfg.Client == nil {
		return nil // reported already
	}
	// The options of the authorization request may replace the redirect URI of the client.
	field, address := "Client.RedirectURI", cfg.Client.RedirectURI()
	if cfg.Authorization.RedirectURI != "" {
		field, address = "Authorization.RedirectURI", cfg.Authorization.RedirectURI
	}
	want := cfg.prefix() + "callback"
	u, err := url.Parse(address)
	switch {
	case err != nil || !isAbsolute(address) || u.User != nil || u.EscapedPath() != want:
		return fmt.Errorf("weblogin: Config.%s is %q, expected an http or https URL with the path %q (Config.Prefix + callback)", field, address, want)
	case u.Scheme == "http" && !cfg.InsecureHTTP:
		return fmt.Errorf("weblogin: Config.%s is %q, expected https, or Config.InsecureHTTP for development", field, address)
	}
	return nil
}

// isAbsolute reports whether address is an http or https URL with a host and no fragment, to which a browser can be
// redirected.
func isAbsolute(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") && u.Fragment == ""
}

// prefix is Prefix with its default.
func (cfg Config) prefix() string { return cmp.Or(cfg.Prefix, defaultPrefix) }

// defaultPrefix is the Prefix of an App whose session cookie has no suffix.
const defaultPrefix = "/auth/"

// redirectURI is where the authorization response arrives.
func (cfg Config) redirectURI() string {
	return cmp.Or(cfg.Authorization.RedirectURI, cfg.Client.RedirectURI())
}

// isPrefix reports whether prefix is a plain path that begins and ends with a slash. Other paths are patterns for a
// ServeMux, or it redirects them.
func isPrefix(prefix string) bool {
	return strings.HasPrefix(prefix, "/") && strings.HasSuffix(prefix, "/") && !strings.ContainsAny(prefix, "{} %?#\\;") &&
		(prefix == "/" || path.Clean(prefix)+"/" == prefix)
}
