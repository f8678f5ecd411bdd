// Package migration contains the code of the guides in docs/migrate. Each folder has one API twice: in before.go with another
// library, and in after.go with bearerkit. The tests send the same requests to both, and compare the responses with the tables
// of the guides. To write the code and the tables to the guides, run go test -update.
package migration
