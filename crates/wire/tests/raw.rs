//! Free-form JSON survives every type that carries it, there and back.
use cloudindex_wire::Batch;

#[test]
fn a_batch_with_metadata_reads_back() {
    let text = r#"{"id":"b","name":"n","metadata":{"a":1.0},"limits":{},"caps":{"bundleBytes":1,"blockBytes":1,"bundleDocuments":1,"encodings":[],"digest":"blake3"},
        "batchId":"b","status":"open","totalFiles":0,"processedFiles":0,"failedFiles":0,"progressPercentage":0,"startedAt":null,"estimatedCompletion":null,"bytes":0}"#;
    let batch: Batch = serde_json::from_str(text).unwrap();
    assert_eq!(batch.metadata.unwrap().get(), r#"{"a":1.0}"#);
}
