package openapi

import (
	"io/fs"

	"github.com/bearerkit/bearerkit/middleware"
)

// Config describes how [Read] reads a document. The zero Config can be used.
type Config struct {
	// Files contains the files that the document may refer to with $ref. Nil: references to other files are problems.
	// References with a scheme or a host, such as those to a website, are always problems.
	Files fs.FS

	// Name is the path of the document in Files. References in it are relative to its folder. Empty: the document is in the
	// top folder.
	Name string

	// BasePath replaces the paths of the `servers` in the document, such as "/v1". Set it if a proxy removes or adds a
	// part of the path. "/" means that there is none. Empty: the paths of the servers.
	BasePath string

	// Scheme returns the rules for a security scheme in a security requirement. Set it for schemes of types that the Guard
	// does not know, such as apiKey, or to require more than the document says. Its rules are applied in addition to the
	// token that the Guard always requires. If known is false, the default applies. Nil: the default applies to all.
	//
	// By default, the names in a requirement are scopes if the type is oauth2 or openIdConnect ([middleware.Scopes]), and
	// roles if it is http with the scheme bearer or DPoP ([middleware.AnyRole] for each). DPoP also requires a token that is
	// bound to a key. The type mutualTLS, together with one of these, requires a token that is bound to a certificate. All
	// others are problems.
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

// Policy is what a document says about access.
type Policy struct {
	// Rules has the rules of each operation that requires a token, for [middleware.Guard.Routes]. The keys are patterns of
	// http.ServeMux. An empty list requires a valid token only.
	Rules map[string][]middleware.Rule

	// Public lists the patterns of the operations that anyone may call.
	Public []string
}
