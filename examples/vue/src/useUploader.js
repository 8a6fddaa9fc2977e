// An uploader that lives as long as the component, and its state, which changes at most once a frame.
import { Uploader } from 'cloudindex-uploader';
import { onScopeDispose, shallowRef } from 'vue';

export function useUploader(options) {
  const uploader = new Uploader(options);
  const state = shallowRef(snapshot(uploader));
  const look = () => { state.value = snapshot(uploader); };
  uploader.addEventListener('progress', look);
  uploader.addEventListener('error', ({ detail }) => { state.value = { ...snapshot(uploader), error: detail }; });
  onScopeDispose(() => uploader.close());
  return { uploader, state };
}

function snapshot({ phase, progress, length, batchId }) {
  return { phase, progress, length, batchId };
}
