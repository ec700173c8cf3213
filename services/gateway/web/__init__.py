"""HTTP as all addresses have it: the server and the app, headers, languages, faults as problems, the API document."""
