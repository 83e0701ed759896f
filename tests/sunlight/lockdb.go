// Command lockdb makes the empty lock database that Sunlight wants to find,
// with the SQLite that Sunlight itself is built with.
package main

import (
	"log"
	"os"

	"crawshaw.io/sqlite"
	"crawshaw.io/sqlite/sqlitex"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: lockdb FILE")
	}
	conn, err := sqlite.OpenConn(os.Args[1], 0)
	if err != nil {
		log.Fatal(err)
	}
	// As the documentation of Sunlight's configuration has it.
	err = sqlitex.ExecTransient(conn, "CREATE TABLE checkpoints "+
		"(logID BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		log.Fatal(err)
	}
}
