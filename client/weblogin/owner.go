package weblogin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
)

// owner identifies the state that an App may read and write. Several Apps can use one session manager or one store, so
// the name of every entry in the store, and of every value in a session, contains the owner.
type owner struct {
	// server is the hash of issuer and client id. Records of back-channel logouts have it in their names, because a logout
	// token applies to all Apps of the client.
	server string

	// app identifies one App: issuer, client id and redirect URI. Two Apps of one client do not share logins, because one of
	// them may require a stronger sign-in than the other.
	app string

	redirectURI, prefix string
	insecureHTTP        bool
}

// newOwner returns the owner of the state of an App. cfg has its defaults.
func newOwner(cfg Config) owner {
	issuer, id, redirect := cfg.Client.Issuer(), cfg.Client.ClientID(), cfg.redirectURI()
	return owner{
		server: digest(issuer, id), app: digest(issuer, id, redirect),
		redirectURI: redirect, prefix: cfg.Prefix, insecureHTTP: cfg.InsecureHTTP,
	}
}

// digest hashes texts to 22 characters without a dot. Quoting them keeps ("ab", "c") and ("a", "bc") apart.
func digest(texts ...string) string { return client.S256(fmt.Sprintf("%q", texts))[:22] }

// sessionKey is the name of the login within a session.
func (o owner) sessionKey() string { return sessionPrefix + o.app }

const sessionPrefix = "weblogin." // of the logins of all Apps

// The following methods return the names of entries in the store. Each name contains a dot. Session ids do not, so they
// cannot equal one of these names.

// token returns the name of the entry with the token of a login. key is the key of the login.
func (o owner) token(key string) string { return "token." + o.app + "." + key }

// signIn returns the name of the record of a sign-in in progress. state is the state of the request, or the key of the
// login that the sign-in replaces.
func (o owner) signIn(state string) string { return "signin." + o.app + "." + client.S256(state) }

// ended returns the name of the record of a logout by the server. name is a sid or a sub of issuer. With
// client.Config.Tenants, each tenant is an issuer, and two tenants may use the same sid or sub for different sessions or
// users. The result contains a hash, because issuer and name may have any length and any characters.
func (o owner) ended(kind, issuer, name string) string {
	return "ended." + kind + "." + o.server + "." + client.S256(fmt.Sprintf("%q", []string{issuer, name}))
}

// known returns the name of the record that noteSession writes for a login with this sid.
func (o owner) known(issuer, sid string) string {
	return "known." + o.server + "." + client.S256(fmt.Sprintf("%q", []string{issuer, sid}))
}

// stepUp returns the additional data with which step-up links are encrypted. The cookies and the other Apps use different
// data, so a link of this App cannot be one of them.
func (o owner) stepUp() []byte { return []byte("step-up." + o.app) }

// origin is the origin of the application's pages, as browsers write it in the Origin header (RFC 6454 §6.2). It is that of
// the redirect URI: no other origin receives the session cookie.
func (o owner) origin() string {
	u, err := url.Parse(o.redirectURI)
	if err != nil {
		return ""
	}
	origin := u.Scheme + "://" + strings.ToLower(u.Host) // the application chose it; url.Parse returns the scheme in lower case
	return strings.TrimSuffix(origin, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
}

// joinManager adds an App to the Apps that use a session manager, and sets the cookie. For the first App it wraps the
// manager's store in a finalStore.
func joinManager(sessions *scs.SessionManager, o owner) (*finalStore, error) {
	s := finalStoreOf(sessions)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.owners {
		switch {
		case other.server == o.server:
			return nil, errors.New("weblogin: Config.Sessions is used by another App with the same issuer and client id: create a SessionManager for each")
		case other.redirectURI == o.redirectURI:
			return nil, fmt.Errorf("weblogin: Config.Sessions is used by another App with the same redirect URI %q", o.redirectURI)
		case other.insecureHTTP != o.insecureHTTP:
			return nil, errors.New("weblogin: Config.InsecureHTTP differs from that of another App with the same Config.Sessions")
		}
	}
	s.owners = append(s.owners, o)
	setCookie(&sessions.Cookie, s.owners)
	return s, nil
}

// setCookie sets the session cookie of the Apps that share a session manager.
func setCookie(cookie *scs.SessionCookie, owners []owner) {
	name := cookieName(owners)
	cookie.Name, cookie.Secure = "__Host-"+name, true
	if owners[0].insecureHTTP {
		cookie.Name, cookie.Secure = name, false
	}
	cookie.Path, cookie.Domain, cookie.HttpOnly, cookie.SameSite = "/", "", true, http.SameSiteLaxMode
}

// cookieName returns the name of the session cookie. It depends on the prefixes of the Apps, so that Apps on one host
// with different session managers have different cookies. The order in which Apps are created does not matter, because it
// may differ between processes.
func cookieName(owners []owner) string {
	prefixes := make([]string, 0, len(owners))
	for _, o := range owners {
		prefixes = append(prefixes, o.prefix)
	}
	if slices.Contains(prefixes, defaultPrefix) {
		return "session"
	}
	return "session-" + digest(slices.Min(prefixes))
}
