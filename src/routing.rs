//! Where a call goes: the first inbound route whose criteria all hold, a pure function of a snapshot.
