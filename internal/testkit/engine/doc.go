// Package engine starts PostgreSQL, MariaDB and Redis for tests, and makes them fail on command.
//
// [Shared] returns the one server that all tests of a program use, each with its own [Server.Database]. [Start] returns a
// server of one test, which the test may kill, pause, restart, fill, or replace by its [Server.Standby]. A [Proxy] is a
// network between a client and a server that fails.
//
// Each server listens on a free port of 127.0.0.1 and keeps its files in a temporary directory. It requires a random
// password. If the tests run as root, it runs as another user without privileges. It ends with its test or with the test
// program, even if the program is killed.
//
// A test is skipped if the server is not installed. If the environment variable BEARERKIT_REQUIRE_SERVICES is 1, the test
// fails instead. "make services" installs the servers.
package engine
