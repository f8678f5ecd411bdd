package openapi

import (
	"io/fs"

	"github.com/bearerkit/bearerkit/middleware"
)

// Config describes how [Read] reads a document. The zero Config is ready to use.
type Config struct {
	// Files contains the files that the document may refer to with $ref. Nil: references to other files are problems.
	// References with a scheme or a host, such as those to a website, are always problems.
	Files fs.FS

	// Name is the path of the document in Files. References in it are relative to its folder. Empty: the document is in the
	// top folder.
	Name string

	// BasePath replaces the paths of the `servers` in the document, such as "/v1". Set it if a proxy removes or adds a
	// part of the path. "/" means that the paths of the document are complete. Empty: the paths of the servers.
	BasePath string

	// Scheme returns the rules for a security scheme in a security requirement. Set it for schemes of types that the Guard
	// does not know, such as apiKey, or to require more than the document says. The Guard requires a valid token in any case,
	// so an empty list of rules with known true requires a valid token only. If known is false, the default rules apply. Nil:
	// the default rules apply to all schemes.
	//
	// By default, the names in a requirement are scopes if the type is oauth2 or openIdConnect ([middleware.Scopes]), and
	// roles if it is http with the scheme bearer or DPoP ([middleware.AnyRole] for each). DPoP also requires a token that is
	// bound to a key. The type mutualTLS, together with one of these, requires a token that is bound to a certificate. All
	// other schemes are problems.
	Scheme func(s Scheme) (rules []middleware.Rule, known bool)
}

// Scheme is a security scheme in a security requirement.
type Scheme struct {
	Name             string   // the name in components.securitySchemes
	Type             string   // oauth2, openIdConnect, http, mutualTLS or apiKey
	HTTPScheme       string   // the member `scheme`, in lower case, if Type is http
	OpenIDConnectURL string   // the member openIdConnectUrl, if Type is openIdConnect
	Names            []string // the scopes or roles in the requirement
}

// Policy contains the access rules of an API: which operations need a token, and what the token must meet. [Read] returns one, and a
// program can build one for [Describe]. The zero Policy describes no operation, and its Handler rejects every request.
type Policy struct {
	// Rules contains the rules of each operation that requires a token, in the form that [middleware.Guard.Routes] takes. The
	// keys are patterns of http.ServeMux. An empty list requires a valid token only. Nil: no operation requires a token.
	Rules map[string][]middleware.Rule

	// Public lists the patterns of the operations that anyone may call. Nil: none.
	Public []string
}
