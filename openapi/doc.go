// Package openapi connects a Guard with an OpenAPI 3.0 or 3.1 document, in both directions:
//
//   - [Read] reads the security requirements of a document and returns a [Policy]. [Policy.Handler] enforces it with
//     [github.com/bearerkit/bearerkit/middleware.Guard.Routes].
//   - [Describe] adds the rules of a Policy to a document, as security schemes and security requirements.
//
// The policy fails closed. A request that the document does not describe is rejected. If the document leaves a question
// open, [Read] returns an error: an operation without `security`, a scheme of an unknown type, or a path that
// [net/http.ServeMux] cannot express. It reports all problems together, each with the JSON pointer and the line of its place.
//
// The documents come from the program and not from its clients. Nevertheless, their size and depth are limited, aliases
// cannot expand without limit, and no reference is fetched from the network.
package openapi
